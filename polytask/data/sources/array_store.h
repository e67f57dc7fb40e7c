#pragma once
#include <polytask/data/source.h>
#include <polytask/data/sources/array_layout.h>
#include <polytask/data/sources/column_set.h>

#include <ATen/core/Tensor.h>
#include <c10/util/ArrayRef.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

/// `.npy` samples, opened: where the numbers of a row are, and what is known of it.
class ArrayStore {
 public:
  virtual ~ArrayStore() = default;
  virtual int64_t size() const = 0;
  virtual Part part(int64_t row) const = 0;
  virtual std::string row_name(int64_t row) const = 0;
  virtual at::Tensor read(c10::ArrayRef<int64_t> rows) const = 0;  ///< [B, …] as arrange() gives it
  virtual std::vector<std::pair<std::string, std::string>> fingerprints() const = 0;
  virtual std::string described() const = 0;  ///< the first file or folder, for messages
  const ColumnSet& columns() const { return columns_; }
  const std::vector<int64_t>& sample_shape() const { return shape_; }

 protected:
  ColumnSet columns_;
  std::vector<int64_t> shape_;
};

/// Stacks [N, …], held in memory; `columns`: name → `.npy` of N labels, or [N, K] as `name.0` …; texts are text
/// columns. Throws InputError for stacks of different samples and labels of another count or of more than two
/// dimensions.
std::unique_ptr<ArrayStore> open_array_stacks(const std::vector<std::filesystem::path>& stacks,
                                              const std::map<std::string, std::string>& columns,
                                              const ArrayLayout& layout);

/// What folders with one `.npy` per sample and key are read as.
struct ArrayFolders {
  std::vector<std::pair<std::filesystem::path, Part>> folders;
  std::string input_key;
  std::vector<std::string> labels;  ///< keys of labels; none: every other folder
  int64_t cache_mb = 0;
};

/// `<folder>/<input_key>/*.npy`, read when needed, and `<folder>/<label>/*.npy` with the same names: numbers, or
/// vectors as `label.0` …; a label file that does not exist is a missing label. Numbered files come in the order of
/// their numbers.
std::unique_ptr<ArrayStore> open_array_folders(const ArrayFolders& folders, const ArrayLayout& layout);

}  // namespace polytask
