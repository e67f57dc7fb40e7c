#include <polytask/core/error.h>
#include <polytask/data/sources/column_set.h>
#include <polytask/data/sources/driving.h>
#include <polytask/data/sources/normalize.h>
#include <polytask/data/sources/sources.h>

#include <fmt/format.h>

#include <ATen/ATen.h>

#include <limits>
#include <memory>

namespace polytask {
namespace {

constexpr int64_t kFittedRows = 2000;

std::string label_of(const DrivingScene& scene, double wrong, Random random) {
  const auto right = static_cast<int64_t>(decide(scene));
  if (random.uniform() >= wrong) return decision_name(decide(scene));
  return decision_name(static_cast<Decision>((right + 1 + random.below(3)) % 4));
}

std::vector<std::string> route_columns() { return {"route_left", "route_straight", "route_right", "route_turn_m"}; }

// Picture files in place of made scenes; where they are of scenes to decide, in an annotation file with the route.
std::unique_ptr<Source> open_pictures(const OpenRequest& request) {
  Node node = Node::map_of({{"source", Node::scalar_of("images")}, {"channels", Node::scalar_of("3")}});
  Node vector = Node::sequence_of({});
  for (const auto& column : route_columns()) vector.append(Node::scalar_of(column));
  node.set("vector", std::move(vector));
  node.set("vector_input", Node::scalar_of("route"));
  return sources().create(node, request);
}

}  // namespace

void DrivingOptions::fields(Fields& f) {
  f.field("prediction", prediction, "rows of the data set `prediction`", between(1, 1e6));
  f.field("decision", decision, "rows of the data set `decision`", between(1, 1e6));
  f.field("size", size, "height and width of the pictures, pixels", between(16, 512));
  f.field("seed", seed, "what the scenes are drawn from; -1: the experiment's seed", at_least(-1));
  f.field("noise_m", noise_m, "standard deviation of the noise in ahead and side, metres", at_least(0));
  f.field("grain", grain, "standard deviation of the noise in the pictures, grey values of 255", between(0, 100));
  f.field("wrong", wrong, "share of the decisions that are wrong", between(0, 1));
}

DrivingSource::DrivingSource(const DrivingOptions& options, uint64_t seed)
    : options_(options), seed_(options.seed < 0 ? seed : static_cast<uint64_t>(options.seed)) {
  const int64_t rows = options.prediction + options.decision;
  scenes_.reserve(static_cast<size_t>(rows));
  for (int64_t row = 0; row < rows; ++row) {
    Random random = stream("scene", row);
    scenes_.push_back(draw_scene(random));
  }
}

const DrivingScene& DrivingSource::scene(int64_t row) const {
  if (row < 0 || row >= size()) throw InputError("row {} does not exist: there are {}", row, size());
  return scenes_[static_cast<size_t>(row)];
}

Random DrivingSource::stream(const std::string& of, int64_t row) const {
  return Random(seed_, fmt::format("driving/{}/{}", of, row_name(row)));
}

Column DrivingSource::column(const std::string& name) const {
  require_known(name, column_names(), "driving");
  Column column;
  column.numeric = name == "ahead" || name == "side";
  const double missing = std::numeric_limits<double>::quiet_NaN();
  for (int64_t row = 0; row < size(); ++row) {
    const DrivingScene& scene = scenes_[static_cast<size_t>(row)];
    if (column.numeric) {
      Random random = stream("noise", row);
      const double ahead = options_.noise_m * random.normal(), side = options_.noise_m * random.normal();
      const auto truth = position_in_a_second(scene);
      column.numbers.push_back(decides(row) ? missing : name == "ahead" ? truth[0] + ahead : truth[1] + side);
    } else if (name == "data_set") {
      column.texts.emplace_back(decides(row) ? "decision" : "prediction");
    } else {
      column.texts.push_back(decides(row) ? label_of(scene, options_.wrong, stream("decision", row)) : "");
    }
  }
  return column;
}

std::string DrivingSource::unit(const std::string& column) const {
  return column == "ahead" || column == "side" ? "m" : "";
}

std::vector<DataSetRange> DrivingSource::data_sets() const {
  return {{"prediction", 0, options_.prediction, {}}, {"decision", options_.prediction, size(), {}}};
}

std::vector<InputSpec> DrivingSource::inputs() const {
  InputSpec image, route;
  image.name = "image";
  image.shape = {3, options_.size, options_.size};
  route.name = "route";
  route.shape = {4};
  for (const auto& column : route_columns()) route.columns.push_back({column, {}, false});
  return {image, route};
}

at::Tensor DrivingSource::given(int64_t input, c10::ArrayRef<int64_t> rows) const {
  if (input == 0) return {};
  at::Tensor mask = at::empty({static_cast<int64_t>(rows.size())}, at::kBool);
  for (size_t i = 0; i < rows.size(); ++i) mask.data_ptr<bool>()[i] = decides(rows[i]);
  return mask;
}

at::Tensor DrivingSource::pictures(c10::ArrayRef<int64_t> rows) const {
  at::Tensor images = at::empty({static_cast<int64_t>(rows.size()), 3, options_.size, options_.size}, at::kByte);
  auto* out = images.data_ptr<uint8_t>();
  for (const int64_t row : rows) {
    Random random = stream("grain", row);
    render_scene(scene(row), options_.size, options_.grain, random, out);
    out += 3 * options_.size * options_.size;
  }
  return images;
}

at::Tensor DrivingSource::routes(c10::ArrayRef<int64_t> rows) const {
  at::Tensor values = at::zeros({static_cast<int64_t>(rows.size()), 4}, at::kFloat);
  auto* out = values.data_ptr<float>();
  for (const int64_t row : rows) {
    if (decides(row)) {
      out[static_cast<int64_t>(scene(row).route)] = 1;
      out[3] = static_cast<float>(scene(row).turn_m);
    }
    out += 4;
  }
  return values;
}

at::Tensor DrivingSource::read(int64_t input, c10::ArrayRef<int64_t> rows) const {
  return input == 0 ? pictures(rows) : routes(rows);
}

std::vector<Preprocess> DrivingSource::fit(const std::vector<int64_t>& train_rows) {
  const auto read_rows = [this](c10::ArrayRef<int64_t> rows) { return pictures(rows); };
  std::vector<int64_t> deciding;
  for (const int64_t row : train_rows)
    if (decides(row)) deciding.push_back(row);
  return {fit_normalize({}, inputs()[0], 1.0 / 255, train_rows, read_rows, kFittedRows),
          Preprocess::for_table(inputs()[1], routes(deciding), true)};
}

std::string DrivingSource::row_name(int64_t row) const {
  return decides(row) ? fmt::format("decision[{}]", row - options_.prediction) : fmt::format("prediction[{}]", row);
}

std::vector<std::pair<std::string, std::string>> DrivingSource::fingerprints() const {
  const auto& o = options_;
  return {{"driving", fmt::format("seed {}, {} and {} scenes of {}² px, noise {} m, grain {}, wrong {}", seed_,
                                  o.prediction, o.decision, o.size, o.noise_m, o.grain, o.wrong)}};
}

void register_driving(SourceRegistry& registry) {
  registry.add<DrivingOptions>(
      "driving",
      "Made driving scenes from above, in two data sets: a large one to predict where the vehicle ahead will be, a "
      "small "
      "one to decide (keep, left, right, stop) by scene and route",
      "", [](const DrivingOptions& options, const OpenRequest& request) -> std::unique_ptr<Source> {
        if (!request.paths.empty()) return open_pictures(request);
        return std::make_unique<DrivingSource>(options, request.seed);
      });
}

}  // namespace polytask
