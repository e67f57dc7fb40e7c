#include <polytask/core/error.h>
#include <polytask/core/random.h>
#include <polytask/core/suggest.h>
#include <polytask/data/sources/implants.h>
#include <polytask/data/sources/implants_catalog.h>
#include <polytask/data/sources/normalize.h>
#include <polytask/data/sources/sources.h>

#include <fmt/format.h>

#include <ATen/ATen.h>

#include <cstring>

namespace polytask {
namespace {

constexpr double kField = 19.2;        // mm across the picture, unless mm_per_px is given
constexpr double kSmallestField = 18;  // holds an implant of 16 mm
constexpr int64_t kKeptBytes = 512LL << 20;
constexpr int64_t kFittedRows = 512;

// Picture files in place of made ones, brought to the size the model was trained on: the field is what counts.
std::unique_ptr<Source> open_pictures(const OpenRequest& request) {
  Node node = Node::map_of({{"source", Node::scalar_of("images")}, {"channels", Node::scalar_of("1")}});
  if (const InputSpec* expected = request.expected("image")) {
    Node size = Node::sequence_of({});
    for (const int64_t side : {expected->shape.at(1), expected->shape.at(2)})
      size.append(Node::scalar_of(std::to_string(side)));
    node.set("size", std::move(size));
  }
  return sources().create(node, request);
}

}  // namespace

void ImplantsOptions::fields(Fields& f) {
  f.field("count", count, "number of samples", between(1, 1e7));
  f.field("size", size, "height and width of the pictures, pixels", between(16, 2048));
  f.field("seed", seed, "what the samples are drawn from; -1: the experiment's seed", at_least(-1));
  f.field("blur", blur, "standard deviation of the blur, pixels", between(0, 10));
  f.field("noise", noise, "standard deviation of the grain, grey values of 255", between(0, 100));
  f.field("rotation_deg", rotation_deg, "largest tilt of an implant to either side, degrees", between(0, 45));
  f.field("mm_per_px", mm_per_px, "scale of every picture; 0: a field of 19.2 mm, whatever the size", at_least(0));
}

ImplantsSource::ImplantsSource(const ImplantsOptions& options, uint64_t seed)
    : seed_(options.seed < 0 ? seed : static_cast<uint64_t>(options.seed)) {
  picture_.size = options.size;
  picture_.mm_per_px = options.mm_per_px > 0 ? options.mm_per_px : kField / static_cast<double>(options.size);
  picture_.blur_px = options.blur;
  picture_.noise = options.noise;
  picture_.rotation_deg = options.rotation_deg;
  const double field = static_cast<double>(options.size) * picture_.mm_per_px;
  if (field < kSmallestField)
    throw InputError(
        "data.mm_per_px: {} pixels of {} mm are {} mm, too little for the longest implant: must be ≥ {:.4g}",
        options.size, number_text(options.mm_per_px), number_text(field),
        kSmallestField / static_cast<double>(options.size));
  labels_.reserve(static_cast<size_t>(options.count));
  for (int64_t row = 0; row < options.count; ++row) labels_.push_back(draw_implant(seed_, row));
  if (options.count <= kKeptBytes / (options.size * options.size)) {
    pictures_.reset(new uint8_t[static_cast<size_t>(options.count * options.size * options.size)]);
    kept_ = std::vector<std::atomic<uint8_t>>(labels_.size());
  }
}

std::vector<std::string> ImplantsSource::column_names() const { return {"company", "model", "diameter", "length"}; }

Column ImplantsSource::column(const std::string& name) const {
  Column column;
  column.numeric = name == "diameter" || name == "length";
  if (!column.numeric && name != "company" && name != "model")
    throw InputError("implants: unknown column \"{}\"{}", name, did_you_mean(name, column_names()));
  for (const auto& labels : labels_) {
    const ImplantModel& model = implant_catalog()[static_cast<size_t>(labels.model)];
    if (column.numeric)
      column.numbers.push_back(name == "diameter" ? labels.diameter_mm : labels.length_mm);
    else
      column.texts.push_back(name == "company" ? model.company : model.model);
  }
  return column;
}

std::string ImplantsSource::unit(const std::string& column) const {
  return column == "diameter" || column == "length" ? "mm" : "";
}

std::vector<InputSpec> ImplantsSource::inputs() const {
  InputSpec spec;
  spec.name = "image";
  spec.shape = {1, picture_.size, picture_.size};
  return {spec};
}

void ImplantsSource::render(int64_t row, uint8_t* out) const {
  const auto at = static_cast<size_t>(row);
  const size_t bytes = static_cast<size_t>(picture_.size * picture_.size);
  if (pictures_ == nullptr) return render_implant(labels_[at], picture_, seed_, row, out);
  uint8_t* kept = pictures_.get() + at * bytes;
  if (kept_[at].load(std::memory_order_acquire) == 2) {
    std::memcpy(out, kept, bytes);
    return;
  }
  render_implant(labels_[at], picture_, seed_, row, out);
  uint8_t none = 0;
  if (!kept_[at].compare_exchange_strong(none, 1)) return;
  std::memcpy(kept, out, bytes);
  kept_[at].store(2, std::memory_order_release);
}

at::Tensor ImplantsSource::read(int64_t, c10::ArrayRef<int64_t> rows) const {
  const int64_t pixels = picture_.size * picture_.size;
  at::Tensor images = at::empty({static_cast<int64_t>(rows.size()), 1, picture_.size, picture_.size}, at::kByte);
  auto* out = images.data_ptr<uint8_t>();
  for (const int64_t row : rows) {
    if (row < 0 || row >= size()) throw InputError("row {} does not exist: there are {}", row, size());
    render(row, out);
    out += pixels;
  }
  return images;
}

std::vector<Preprocess> ImplantsSource::fit(const std::vector<int64_t>& train_rows) {
  const auto read_rows = [this](c10::ArrayRef<int64_t> rows) { return read(0, rows); };
  return {fit_normalize({}, inputs()[0], 1.0 / 255, train_rows, read_rows, kFittedRows)};
}

std::string ImplantsSource::row_name(int64_t row) const { return fmt::format("implants[{}]", row); }

std::vector<std::pair<std::string, std::string>> ImplantsSource::fingerprints() const {
  return {{"implants",
           fmt::format("seed {}, {} samples of {}² px at {} mm, blur {}, noise {}, tilt {}°", seed_, size(),
                       picture_.size, picture_.mm_per_px, picture_.blur_px, picture_.noise, picture_.rotation_deg)}};
}

void register_implants(SourceRegistry& registry) {
  registry.add<ImplantsOptions>(
      "implants",
      "Made radiographs of screw implants in bone: company and model to recognise, diameter and length to measure", "",
      [](const ImplantsOptions& options, const OpenRequest& request) -> std::unique_ptr<Source> {
        if (request.paths.empty()) return std::make_unique<ImplantsSource>(options, request.seed);
        return open_pictures(request);
      });
}

}  // namespace polytask
