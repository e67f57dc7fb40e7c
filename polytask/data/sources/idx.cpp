#include <polytask/core/error.h>
#include <polytask/data/sources/idx.h>
#include <polytask/data/sources/sources.h>
#include <polytask/data/sources/support.h>
#include <polytask/io/idx.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ATen/ATen.h>

#include <limits>
#include <memory>
#include <utility>

namespace polytask {
namespace {

namespace fs = std::filesystem;

// The first of the names the file may have in `root` that exists, or "".
fs::path find_in(const fs::path& root, const std::vector<std::string>& names) {
  for (const auto& name : names)
    if (fs::is_regular_file(root / name)) return root / name;
  return {};
}

std::vector<std::string> usual_names(const std::string& stem, const std::string& rank) {
  const std::string dashed = stem + "-idx" + rank + "-ubyte", dotted = stem + ".idx" + rank + "-ubyte";
  return {dashed, dashed + ".gz", dotted, dotted + ".gz"};
}

fs::path locate(const std::string& given, const std::string& root, const std::string& stem, const std::string& rank,
                const char* option, bool must_exist) {
  if (!given.empty()) {
    if (!fs::is_regular_file(given)) throw InputError("data.{}: there is no file {}", option, given);
    return given;
  }
  if (root.empty()) {
    if (must_exist) throw InputError("data.root (a folder of IDX files) or data.{} (a file) must be given", option);
    return {};
  }
  const auto names = usual_names(stem, rank);
  const fs::path found = find_in(root, names);
  if (found.empty() && must_exist)
    throw InputError("data.root: no {} in {}: looked for {}", stem, root, fmt::join(names, ", "));
  return found;
}

at::Tensor read_images(const fs::path& file) {
  const at::Tensor images = read_idx(file);
  if (images.scalar_type() != at::kByte || images.dim() != 3)
    throw InputError("{}: expected images, unsigned bytes [count, height, width], got {} [{}]", file.string(),
                     c10::toString(images.scalar_type()), fmt::join(images.sizes(), ", "));
  return images.unsqueeze(1);
}

void append_labels(const fs::path& file, const fs::path& image_file, int64_t images, std::vector<double>& numbers) {
  const at::Tensor labels = read_idx(file);
  if (labels.dim() != 1)
    throw InputError("{}: expected labels [count], got [{}]", file.string(), fmt::join(labels.sizes(), ", "));
  if (labels.size(0) != images)
    throw InputError("{}: {} labels, but {} has {} images", file.string(), labels.size(0), image_file.string(), images);
  const at::Tensor values = labels.to(at::kDouble).contiguous();
  numbers.insert(numbers.end(), values.data_ptr<double>(), values.data_ptr<double>() + values.numel());
}

}  // namespace

void IdxOptions::fields(Fields& f) {
  f.field("root", root,
          "folder of train-images-idx3-ubyte, train-labels-idx1-ubyte and, for the test part, t10k-…; plain or .gz");
  f.field("images", images, "training images, where they have another name");
  f.field("labels", labels, "training labels, where they have another name");
  f.field("test_images", test_images, "test images, where they have another name");
  f.field("test_labels", test_labels, "test labels, where they have another name");
  normalize.fields(f, {"auto", "none"});
}

IdxSource::IdxSource(const IdxOptions& options, const OpenRequest& request) : options_(options) {
  if (request.paths.empty())
    open_configured();
  else
    open_images({request.paths.begin(), request.paths.end()});
  require_expected_shape(request, spec_, files_[0].string());
}

void IdxSource::open_configured() {
  const auto& o = options_;
  const fs::path images = locate(o.images, o.root, "train-images", "3", "images", true);
  const fs::path labels = locate(o.labels, o.root, "train-labels", "1", "labels", true);
  const fs::path test_images = locate(o.test_images, o.root, "t10k-images", "3", "test_images", false);
  std::vector<fs::path> image_files = {images}, label_files = {labels};
  if (!test_images.empty()) {
    image_files.push_back(test_images);
    label_files.push_back(locate(o.test_labels, o.root, "t10k-labels", "1", "test_labels", true));
  } else if (!o.test_labels.empty()) {
    throw InputError("data.test_labels is given without test images");
  }
  open_images(image_files);
  Column column;
  for (size_t i = 0; i < label_files.size(); ++i) {
    const int64_t end = i + 1 < starts_.size() ? starts_[i + 1] : size();
    append_labels(label_files[i], image_files[i], end - starts_[i], column.numbers);
  }
  columns_.add("label", std::move(column));
  files_.insert(files_.end(), label_files.begin(), label_files.end());
  train_rows_ = test_images.empty() ? 0 : starts_[1];
}

void IdxSource::open_images(const std::vector<fs::path>& files) {
  std::vector<at::Tensor> parts;
  int64_t rows = 0;
  for (const auto& file : files) {
    parts.push_back(read_images(file));
    if (!parts.back().sizes().slice(1).equals(parts[0].sizes().slice(1)))
      throw InputError("{}: images are {}, but those of {} are {}", file.string(),
                       shape_text(parts.back().sizes().slice(2)), files[0].string(),
                       shape_text(parts[0].sizes().slice(2)));
    starts_.push_back(rows);
    rows += parts.back().size(0);
  }
  images_ = parts.size() == 1 ? parts[0].contiguous() : at::cat(parts, 0);
  files_ = files;
  spec_.name = "image";
  spec_.shape = images_.sizes().slice(1).vec();
}

Part IdxSource::part(int64_t row) const {
  if (train_rows_ == 0) return Part::unspecified;
  return row < train_rows_ ? Part::train : Part::test;
}

Column IdxSource::column(const std::string& name) const { return columns_.at(name, files_[0].string()); }

at::Tensor IdxSource::read(int64_t, c10::ArrayRef<int64_t> rows) const { return gather_rows(images_, rows); }

std::vector<Preprocess> IdxSource::fit(const std::vector<int64_t>& train_rows) {
  const auto read_rows = [this](c10::ArrayRef<int64_t> rows) { return read(0, rows); };
  return {
      fit_normalize(options_.normalize, spec_, 1.0 / 255, train_rows, read_rows, std::numeric_limits<int64_t>::max())};
}

std::string IdxSource::row_name(int64_t row) const {
  size_t file = starts_.size() - 1;
  while (file > 0 && row < starts_[file]) --file;
  return fmt::format("{}[{}]", files_[file].filename().string(), row - starts_[file]);
}

std::vector<std::pair<std::string, std::string>> IdxSource::fingerprints() const {
  std::vector<std::pair<std::string, std::string>> result;
  for (const auto& file : files_) result.emplace_back(file.string(), file_digest(file));
  return result;
}

void register_idx(SourceRegistry& registry) {
  registry.add<IdxOptions>(
      "idx", "Images and labels in IDX files (MNIST's format), plain or gzip; the labels are the column `label`", "",
      [](const IdxOptions& options, const OpenRequest& request) {
        return std::make_unique<IdxSource>(options, request);
      });
}

}  // namespace polytask
