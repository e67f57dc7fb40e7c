#include <polytask/core/error.h>
#include <polytask/core/random.h>
#include <polytask/core/suggest.h>
#include <polytask/data/sources/sources.h>
#include <polytask/data/sources/support.h>
#include <polytask/data/sources/tabular.h>

#include <fmt/format.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

namespace polytask {
namespace {

const std::vector<std::string> kMaterials = {"oak", "pine", "steel", "glass"};
const std::vector<std::string> kQualities = {"low", "medium", "high"};
constexpr double kMaterialEffect[] = {0.8, -0.8, 0.4, -0.4};

struct Factors {
  double z1, z2, z3;
};

Factors factors_of(const std::vector<double>& x, int64_t material, int64_t quality) {
  Factors z{};
  z.z1 = (x[0] + x[1] - x[2]) / std::sqrt(3.0) + kMaterialEffect[material];
  z.z2 = std::tanh(x[3] * x[4]) + x[3] / 2;
  z.z3 = (x[5] - x[0]) / std::sqrt(2.0) + 0.7 * static_cast<double>(quality - 1);
  return z;
}

// CSV files in place of made rows.
std::unique_ptr<Source> open_files(const OpenRequest& request) {
  Node node = Node::map_of({{"source", Node::scalar_of("table")}});
  node.set("path", Node::scalar_of(request.paths[0], true));
  return sources().create(node, request);
}

Column text_column() {
  Column column;
  column.numeric = false;
  return column;
}

}  // namespace

void TabularOptions::fields(Fields& f) {
  f.field("count", count, "number of rows", between(1, 1e7));
  f.field("seed", seed, "what the rows are drawn from; -1: the experiment's seed", at_least(-1));
  f.field("features", features, "numeric features x1, x2, …; those after x6 mean nothing", between(6, 1000));
  f.field("noise", noise, "standard deviation of what the factors do not explain", at_least(0));
  f.field("missing", missing, "share of the numeric features that is missing", between(0, 0.9));
}

TabularSource::TabularSource(const TabularOptions& options, uint64_t seed)
    : count_(options.count), seed_(options.seed < 0 ? seed : static_cast<uint64_t>(options.seed)) {
  digest_ = fmt::format("seed {}, {} rows, {} features, noise {}, missing {}", seed_, count_, options.features,
                        options.noise, options.missing);
  for (int64_t i = 1; i <= options.features; ++i) {
    names_.push_back(fmt::format("x{}", i));
    input_columns_.push_back({names_.back(), {}, false});
  }
  input_columns_.push_back({"material", kMaterials, true});
  input_columns_.push_back({"quality", kQualities, true});
  for (const auto* name : {"material", "quality", "kind", "defect", "strength", "price"}) names_.push_back(name);
  for (const auto* name : {"material", "quality", "kind"}) columns_[name] = text_column();
  for (int64_t row = 0; row < count_; ++row) draw_row(row, options);
  gather_inputs();
}

void TabularSource::draw_row(int64_t row, const TabularOptions& options) {
  Random random(seed_, fmt::format("tabular/{}", row));
  std::vector<double> x;
  for (int64_t i = 0; i < options.features; ++i) x.push_back(random.normal());
  const int64_t material = random.below(static_cast<int64_t>(kMaterials.size()));
  const int64_t quality = random.below(static_cast<int64_t>(kQualities.size()));
  const Factors z = factors_of(x, material, quality);
  const auto e = [&] { return options.noise * random.normal(); };
  const double scores[] = {z.z1 + e(), z.z2 + e(), -z.z1 + e(), z.z3 - z.z2 + e()};
  const auto kind = std::max_element(std::begin(scores), std::end(scores)) - std::begin(scores);
  columns_["material"].texts.push_back(kMaterials[static_cast<size_t>(material)]);
  columns_["quality"].texts.push_back(kQualities[static_cast<size_t>(quality)]);
  columns_["kind"].texts.emplace_back(1, static_cast<char>('a' + kind));
  columns_["defect"].numbers.push_back(z.z1 - z.z3 + e() > 0 ? 1 : 0);
  columns_["strength"].numbers.push_back(50 + 10 * (z.z1 + z.z1 * z.z2 / 2 + e()));
  columns_["price"].numbers.push_back(100 * std::exp((z.z1 + z.z3) / 4 + e() / 4));
  for (size_t i = 0; i < x.size(); ++i) {
    const bool left_out = random.uniform() < options.missing;
    columns_[names_[i]].numbers.push_back(left_out ? std::numeric_limits<double>::quiet_NaN() : x[i]);
  }
}

void TabularSource::gather_inputs() {
  raw_ = at::empty({count_, static_cast<int64_t>(input_columns_.size())}, at::kFloat);
  auto values = raw_.accessor<float, 2>();
  for (size_t c = 0; c < input_columns_.size(); ++c) {
    const Column& column = columns_.at(input_columns_[c].name);
    const auto& categories = input_columns_[c].categories;
    for (int64_t row = 0; row < count_; ++row) {
      const auto at = static_cast<size_t>(row);
      values[row][static_cast<int64_t>(c)] = static_cast<float>(
          column.numeric ? column.numbers[at]
                         : std::find(categories.begin(), categories.end(), column.texts[at]) - categories.begin());
    }
  }
}

Column TabularSource::column(const std::string& name) const {
  const auto found = columns_.find(name);
  if (found == columns_.end()) throw InputError("tabular: unknown column \"{}\"{}", name, did_you_mean(name, names_));
  return found->second;
}

std::string TabularSource::unit(const std::string& column) const {
  return column == "strength" ? "MPa" : column == "price" ? "EUR" : "";
}

std::vector<InputSpec> TabularSource::inputs() const {
  InputSpec spec;
  spec.name = "features";
  spec.shape = {static_cast<int64_t>(input_columns_.size())};
  spec.columns = input_columns_;
  return {spec};
}

at::Tensor TabularSource::read(int64_t, c10::ArrayRef<int64_t> rows) const { return gather_rows(raw_, rows); }

std::vector<Preprocess> TabularSource::fit(const std::vector<int64_t>& train_rows) {
  return {Preprocess::for_table(inputs()[0], read(0, train_rows), true)};
}

void TabularSource::exclude_from_inputs(const std::vector<std::string>& columns) {
  const auto excluded = [&](const InputColumn& column) {
    return std::find(columns.begin(), columns.end(), column.name) != columns.end();
  };
  input_columns_.erase(std::remove_if(input_columns_.begin(), input_columns_.end(), excluded), input_columns_.end());
  if (input_columns_.empty()) throw InputError("tabular: every column is a target: nothing is left as an input");
  gather_inputs();
}

std::string TabularSource::row_name(int64_t row) const { return fmt::format("tabular[{}]", row); }

std::vector<std::pair<std::string, std::string>> TabularSource::fingerprints() const { return {{"tabular", digest_}}; }

void register_tabular(SourceRegistry& registry) {
  registry.add<TabularOptions>(
      "tabular",
      "A made table with known ground truth: a class, a yes/no and two numbers to predict, which share latent factors",
      "", [](const TabularOptions& options, const OpenRequest& request) -> std::unique_ptr<Source> {
        if (request.paths.empty()) return std::make_unique<TabularSource>(options, request.seed);
        return open_files(request);
      });
}

}  // namespace polytask
