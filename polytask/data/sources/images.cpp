#include <polytask/core/error.h>
#include <polytask/data/sources/images.h>
#include <polytask/data/sources/sources.h>
#include <polytask/data/sources/support.h>
#include <polytask/io/image.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <filesystem>
#include <memory>

namespace polytask {

void ImagesOptions::fields(Fields& f) {
  f.field("annotations", annotations, "all images: a JSON list of records, JSON Lines, or a folder per class");
  f.field("train", train, "in place of annotations, the training part in the same form");
  f.field("validation", validation, "the validation part, with `train`");
  f.field("test", test, "the test part, with `train`");
  f.field("root", root, "folder the records' image files are relative to; none: that of the annotation file");
  f.field("image_key", image_key,
          "key of a record's image file; none: the first of image, file, filename, path, file_name");
  f.field("channels", channels, "1 (grey) or 3 (red, green, blue)", between(1, 3));
  f.field("size", size, "height and width to resize to; none: all images must have the first one's size", at_least(1));
  normalize.fields(f, {"auto", "none", "imagenet"});
  f.field("cache_mb", cache_mb, "decoded images are kept in memory up to this size", at_least(0));
  f.field("units", units, "column: unit, for reports");
  f.field(
      "vector", vector,
      "columns of numbers that are a further input beside the picture, for example for a head's `auxiliary`; a record "
      "without any of them has zeros there");
  f.field("vector_input", vector_input, "name of that input");
}

ImagesSource::ImagesSource(const ImagesOptions& options, const OpenRequest& request) : options_(options) {
  if (options.channels == 2) throw InputError("data.channels: 2 is out of range: must be 1 or 3");
  if (!options.size.empty() && options.size.size() != 2)
    throw InputError("data.size: expected height and width, got {} numbers", options.size.size());
  RecordTable table(options.root, options.image_key);
  if (request.paths.empty()) read_configured(table);
  for (const auto& path : request.paths) {
    if (is_annotation_file(path))
      table.add_annotations(path, Part::unspecified);
    else
      table.add_images(path);
  }
  if (described_.empty()) described_ = fmt::format("{}", fmt::join(request.paths, ", "));
  rows_ = table.rows();
  columns_ = table.columns();
  if (options.vector_input.empty() || options.vector_input == "image")
    throw InputError("data.vector_input: \"{}\" can not name the vector: give it a name other than image",
                     options.vector_input);
  if (!request.paths.empty())
    for (const auto& name : options.vector)
      if (const auto& known = columns_.names(); std::find(known.begin(), known.end(), name) == known.end())
        throw InputError(
            "{}: the model also reads input \"{}\", which pictures alone do not give: name an annotation file (.json, "
            ".jsonl) whose records have {}",
            described_, options.vector_input, fmt::join(options.vector, ", "));
  vector_ = RecordVector(options.vector_input, options.vector, columns_, described_,
                         [this](int64_t row) { return row_name(row); });
  if (request.paths.empty())
    for (const auto& [name, unit] : options.units) require_known(name, columns_.names(), "data.units");
  cache_ = std::make_unique<SampleCache>(size(), options.cache_mb);
  spec_.name = "image";
  if (const InputSpec* expected = request.expected("image")) {
    spec_.shape = expected->shape;
  } else {
    spec_.shape = read_image(rows_[0].file, options.channels, options.size).sizes().vec();
  }
}

void ImagesSource::read_configured(RecordTable& table) {
  const auto& o = options_;
  if (o.annotations.empty() == o.train.empty())
    throw InputError("data: either annotations or train must be given (and not both)");
  if (o.train.empty() && !(o.validation.empty() && o.test.empty()))
    throw InputError("data: validation and test go with train, not with annotations");
  const std::pair<std::string, Part> parts[] = {{o.annotations, Part::unspecified},
                                                {o.train, Part::train},
                                                {o.validation, Part::validation},
                                                {o.test, Part::test}};
  for (const auto& [path, part] : parts) {
    if (path.empty()) continue;
    described_ += (described_.empty() ? "" : ", ") + path;
    if (std::filesystem::is_directory(path)) {
      table.add_class_folders(path, part);
    } else {
      table.add_annotations(path, part);
      annotation_files_.push_back(path);
    }
  }
}

at::Tensor ImagesSource::decode(int64_t row) const {
  const auto& file = rows_[static_cast<size_t>(row)].file;
  at::Tensor image = read_image(file, options_.channels, options_.size);
  if (!image.sizes().equals(spec_.shape))
    throw InputError("{}: the image is {} (channels × height × width), expected {}; data.size resizes every image",
                     file.string(), shape_text(image.sizes()), shape_text(spec_.shape));
  return image;
}

std::vector<InputSpec> ImagesSource::inputs() const {
  if (vector_.empty()) return {spec_};
  return {spec_, vector_.spec()};
}

at::Tensor ImagesSource::given(int64_t input, c10::ArrayRef<int64_t> rows) const {
  return input == 0 ? at::Tensor() : vector_.given(rows);
}

void ImagesSource::exclude_from_inputs(const std::vector<std::string>& columns) {
  for (const auto& name : columns)
    if (std::find(options_.vector.begin(), options_.vector.end(), name) != options_.vector.end())
      throw InputError("data.vector: column \"{}\" is used by a task or the split, so it cannot be an input", name);
}

at::Tensor ImagesSource::read(int64_t input, c10::ArrayRef<int64_t> rows) const {
  if (input > 0) return vector_.read(rows);
  return cache_->read(rows, [this](int64_t row) { return decode(row); });
}

std::vector<Preprocess> ImagesSource::fit(const std::vector<int64_t>& train_rows) {
  constexpr int64_t kMost = 10000;
  const auto read_rows = [this](c10::ArrayRef<int64_t> rows) { return read(0, rows); };
  std::vector<Preprocess> fitted = {fit_normalize(options_.normalize, spec_, 1.0 / 255, train_rows, read_rows, kMost)};
  if (!vector_.empty()) fitted.push_back(vector_.fit(train_rows));
  return fitted;
}

std::string ImagesSource::unit(const std::string& name) const {
  const auto found = options_.units.find(name);
  return found == options_.units.end() ? "" : found->second;
}

std::vector<std::pair<std::string, std::string>> ImagesSource::fingerprints() const {
  std::vector<std::pair<std::string, std::string>> result;
  for (const auto& file : annotation_files_) result.emplace_back(file, file_digest(file));
  std::vector<std::filesystem::path> files;
  for (const auto& row : rows_) files.push_back(row.file);
  result.emplace_back("images", files_digest(files));
  return result;
}

void register_images(SourceRegistry& registry) {
  registry.add<ImagesOptions>("images",
                              "Image files with JSON annotations (a list of records, or JSON Lines), or a folder "
                              "per class",
                              "", [](const ImagesOptions& options, const OpenRequest& request) {
                                return std::make_unique<ImagesSource>(options, request);
                              });
}

}  // namespace polytask
