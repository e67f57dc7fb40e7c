#include <polytask/core/error.h>
#include <polytask/data/sources/arrays.h>
#include <polytask/data/sources/sources.h>
#include <polytask/data/sources/support.h>

#include <fmt/format.h>

#include <ATen/ATen.h>

#include <limits>

namespace polytask {
namespace {

std::unique_ptr<ArrayStore> open_configured(const ArraysOptions& o) {
  if (o.path.empty() == o.train.empty())
    throw InputError("data: either path (one stacked array) or train (a folder) must be given (and not both)");
  if (!o.path.empty()) {
    if (!o.validation.empty() || !o.test.empty() || !o.labels.empty())
      throw InputError("data: validation, test and labels go with train, not with path");
    return open_array_stacks({o.path}, o.columns, o.layout);
  }
  if (!o.columns.empty()) throw InputError("data.columns goes with path, not with train");
  ArrayFolders folders{{{o.train, Part::train}}, o.input_key, o.labels, o.cache_mb};
  if (!o.validation.empty()) folders.folders.emplace_back(o.validation, Part::validation);
  if (!o.test.empty()) folders.folders.emplace_back(o.test, Part::test);
  return open_array_folders(folders, o.layout);
}

// The value of `map` for a column, which may be one of a vector's ("genus.0" of "genus").
template <class T>
const T* value_for(const std::map<std::string, T>& map, const std::string& column) {
  auto found = map.find(column);
  if (found == map.end()) found = map.find(column.substr(0, column.rfind('.')));
  return found == map.end() ? nullptr : &found->second;
}

}  // namespace

void ArraysOptions::fields(Fields& f) {
  f.field("path", path, "one .npy of all samples: [N, C, H, W], [N, H, W] or [N, F]");
  f.field("columns", columns, "with path, name: .npy file of N labels (numbers or texts), or [N, K] as name.0 …");
  f.field("train", train,
          "in place of path, a folder with folders of one .npy per sample: the input's and the labels'");
  f.field("validation", validation, "folder of the validation part, with `train`");
  f.field("test", test, "folder of the test part, with `train`");
  f.field("input_key", input_key, "with train, the folder of the inputs");
  f.field("labels", labels, "with train, the folders of the labels; none: all but the inputs'");
  f.field("inputs", layout.inputs, "channels (or features) that are inputs, counted from 0; none: all", at_least(0));
  f.field("channels_last", layout.channels_last, "images are stored [H, W, C]");
  f.field("nodata", nodata, "column: value that means a missing label (NaN always does)");
  normalize.fields(f, {"auto", "none"});
  f.field("cache_mb", cache_mb, "with train, samples are kept in memory up to this size", at_least(0));
  f.field("units", units, "column: unit, for reports");
}

ArraysSource::ArraysSource(const ArraysOptions& options, const OpenRequest& request) : options_(options) {
  store_ = request.paths.empty() ? open_configured(options)
                                 : open_array_stacks({request.paths.begin(), request.paths.end()}, {}, options.layout);
  if (request.paths.empty()) check_names();
  spec_.shape = store_->sample_shape();
  spec_.name = spec_.is_image() ? "image" : "features";
  if (!spec_.is_image())
    for (int64_t c = 0; c < spec_.shape[0]; ++c) {
      const int64_t stored = options.layout.inputs.empty() ? c : options.layout.inputs[static_cast<size_t>(c)];
      spec_.columns.push_back({fmt::format("f{}", stored), {}, false});
    }
  require_expected_shape(request, spec_, store_->described());
}

void ArraysSource::check_names() const {
  auto known = store_->columns().names();
  for (const auto& name : store_->columns().names()) known.push_back(name.substr(0, name.rfind('.')));
  for (const auto& [name, value] : options_.nodata) require_known(name, known, "data.nodata");
  for (const auto& [name, value] : options_.units) require_known(name, known, "data.units");
}

Column ArraysSource::column(const std::string& name) const {
  Column column = store_->columns().at(name, store_->described());
  const double* nodata = value_for(options_.nodata, name);
  if (nodata == nullptr || !column.numeric) return column;
  // Labels stored as float32 are compared as such.
  for (auto& number : column.numbers)
    if (number == *nodata || number == static_cast<double>(static_cast<float>(*nodata)))
      number = std::numeric_limits<double>::quiet_NaN();
  return column;
}

std::string ArraysSource::unit(const std::string& name) const {
  const std::string* unit = value_for(options_.units, name);
  return unit == nullptr ? "" : *unit;
}

at::Tensor ArraysSource::read(int64_t, c10::ArrayRef<int64_t> rows) const {
  const at::Tensor samples = store_->read(rows);
  if (!samples.is_floating_point()) return samples;
  const at::Tensor bad = spec_.is_image() ? samples.isfinite().logical_not() : samples.isinf();
  if (!bad.any().item<bool>()) return samples;
  const auto first = bad.flatten(1).any(1).nonzero()[0].item<int64_t>();
  throw InputError("{}: input \"{}\" holds a value that is not a finite number",
                   row_name(rows[static_cast<size_t>(first)]), spec_.name);
}

std::vector<Preprocess> ArraysSource::fit(const std::vector<int64_t>& train_rows) {
  constexpr int64_t kMost = 10000;
  if (spec_.is_image()) {
    const auto read_rows = [this](c10::ArrayRef<int64_t> rows) { return read(0, rows); };
    return {fit_normalize(options_.normalize, spec_, 1, train_rows, read_rows, kMost)};
  }
  if (!options_.normalize.mean.empty() || !options_.normalize.deviation.empty())
    throw InputError("data.mean and data.std are for images; features are standardised one by one");
  return {Preprocess::for_table(spec_, read(0, train_rows), options_.normalize.normalize == "auto")};
}

void register_arrays(SourceRegistry& registry) {
  registry.add<ArraysOptions>("arrays",
                              "NumPy .npy files: one stacked array, or folders with a file per sample and key", "",
                              [](const ArraysOptions& options, const OpenRequest& request) {
                                return std::make_unique<ArraysSource>(options, request);
                              });
}

}  // namespace polytask
