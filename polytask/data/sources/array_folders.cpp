#include <polytask/core/error.h>
#include <polytask/data/labels.h>
#include <polytask/data/sources/array_store.h>
#include <polytask/data/sources/sample_cache.h>
#include <polytask/data/sources/support.h>
#include <polytask/io/npy.h>

#include <fmt/format.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <set>

namespace polytask {
namespace {

namespace fs = std::filesystem;

// Names (without extension) of the `.npy` files of a folder: numbers in order, then texts.
std::vector<std::string> sample_names(const fs::path& folder) {
  std::error_code failure;
  fs::directory_iterator entries(folder, failure);
  if (failure) throw InputError("{}: cannot read the folder: {}", folder.string(), failure.message());
  std::vector<std::string> names;
  for (const auto& entry : entries)
    if (entry.path().extension() == ".npy") names.push_back(entry.path().stem().string());
  sort_labels(names);
  return names;
}

class ArrayFolderStore : public ArrayStore {
 public:
  ArrayFolderStore(const ArrayFolders& options, const ArrayLayout& layout) : layout_(layout) {
    for (const auto& [folder, part] : options.folders) add_folder(folder, part, options);
    cache_ = std::make_unique<SampleCache>(size(), options.cache_mb);
    shape_ = load(0).sizes().vec();
    for (auto& [name, numbers] : labels_) {
      numbers.resize(rows_.size(), std::numeric_limits<double>::quiet_NaN());
      Column column;
      column.numbers = std::move(numbers);
      columns_.add(name, std::move(column));
    }
    labels_.clear();
  }

  int64_t size() const override { return static_cast<int64_t>(rows_.size()); }
  Part part(int64_t row) const override { return rows_[static_cast<size_t>(row)].part; }
  std::string row_name(int64_t row) const override { return rows_[static_cast<size_t>(row)].file.string(); }
  at::Tensor read(c10::ArrayRef<int64_t> rows) const override {
    return cache_->read(rows, [this](int64_t row) {
      at::Tensor sample = load(row);
      if (!sample.sizes().equals(shape_))
        throw InputError("{}: the sample is {}, expected {} as {}", row_name(row), shape_text(sample.sizes()),
                         shape_text(shape_), row_name(0));
      return sample;
    });
  }
  std::vector<std::pair<std::string, std::string>> fingerprints() const override {
    std::vector<std::pair<std::string, std::string>> result;
    for (const auto& [folder, files] : files_) result.emplace_back(folder, files_digest(files));
    return result;
  }
  std::string described() const override { return files_.front().first; }

 private:
  struct Row {
    fs::path file;
    Part part;
  };

  at::Tensor load(int64_t row) const {
    const fs::path& file = rows_[static_cast<size_t>(row)].file;
    const NpyArray array = read_npy(file);
    if (!array.values.defined()) throw InputError("{}: holds texts; inputs must be numbers", file.string());
    return arrange(array.values.unsqueeze(0), layout_, file.string()).squeeze(0);
  }

  void add_folder(const fs::path& folder, Part part, const ArrayFolders& options) {
    const std::vector<std::string> names = sample_names(folder / options.input_key);
    if (names.empty()) throw InputError("{}: there is no .npy file", (folder / options.input_key).string());
    const size_t first = rows_.size();
    auto& files = files_.emplace_back(folder.string(), std::vector<fs::path>()).second;
    for (const auto& name : names) files.push_back(folder / options.input_key / (name + ".npy"));
    for (const auto& file : files) rows_.push_back({file, part});
    for (const auto& key : options.labels.empty() ? label_keys(folder, options.input_key) : options.labels)
      add_labels(folder / key, key, names, first);
  }

  static std::vector<std::string> label_keys(const fs::path& folder, const std::string& input_key) {
    std::vector<std::string> keys;
    for (const auto& entry : fs::directory_iterator(folder))
      if (entry.is_directory() && entry.path().filename() != input_key)
        keys.push_back(entry.path().filename().string());
    std::sort(keys.begin(), keys.end());
    return keys;
  }

  void add_labels(const fs::path& folder, const std::string& key, const std::vector<std::string>& names, size_t first) {
    const std::vector<std::string> present = sample_names(folder);
    std::map<std::string, size_t> row_of;
    for (size_t i = 0; i < names.size(); ++i) row_of[names[i]] = first + i;
    for (const auto& name : present) {
      const fs::path file = folder / (name + ".npy");
      const auto row = row_of.find(name);
      if (row == row_of.end()) throw InputError("{}: there is no input of this name", file.string());
      files_.back().second.push_back(file);
      const NpyArray array = read_npy(file);
      if (array.shape.size() > 1)
        throw InputError(
            "{}: a label of shape {}; expected a number or a vector (labels per pixel are not read here; data.labels "
            "lists "
            "the folders to read)",
            file.string(), shape_text(array.shape));
      if (!array.values.defined()) throw InputError("{}: a label is a text; expected numbers", file.string());
      set_label(key, array.values.to(at::kDouble).contiguous(), row->second);
    }
  }

  void set_label(const std::string& key, const at::Tensor& values, size_t row) {
    for (int64_t k = 0; k < values.numel(); ++k) {
      auto& numbers = labels_[values.numel() == 1 ? key : fmt::format("{}.{}", key, k)];
      if (numbers.size() <= row) numbers.resize(row + 1, std::numeric_limits<double>::quiet_NaN());
      numbers[row] = values.data_ptr<double>()[k];
    }
  }

  ArrayLayout layout_;
  std::vector<std::pair<std::string, std::vector<fs::path>>> files_;  // every file of each folder
  std::vector<Row> rows_;
  std::map<std::string, std::vector<double>> labels_;  // while the folders are read
  std::unique_ptr<SampleCache> cache_;
};

}  // namespace

std::unique_ptr<ArrayStore> open_array_folders(const ArrayFolders& folders, const ArrayLayout& layout) {
  return std::make_unique<ArrayFolderStore>(folders, layout);
}

}  // namespace polytask
