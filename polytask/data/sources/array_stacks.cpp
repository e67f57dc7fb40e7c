#include <polytask/core/error.h>
#include <polytask/data/sources/array_store.h>
#include <polytask/data/sources/support.h>
#include <polytask/io/npy.h>

#include <fmt/format.h>

#include <ATen/ATen.h>

namespace polytask {
namespace {

namespace fs = std::filesystem;

Column numbers_of(const at::Tensor& values) {
  const at::Tensor dense = values.to(at::kDouble).contiguous();
  Column column;
  column.numbers.assign(dense.data_ptr<double>(), dense.data_ptr<double>() + dense.numel());
  return column;
}

class ArrayStacks : public ArrayStore {
 public:
  ArrayStacks(const std::vector<fs::path>& stacks, const std::map<std::string, std::string>& columns,
              const ArrayLayout& layout)
      : files_(stacks) {
    std::vector<at::Tensor> parts;
    int64_t rows = 0;
    for (const auto& file : stacks) {
      parts.push_back(arrange(read_stack(file), layout, file.string()));
      if (!parts.back().sizes().slice(1).equals(parts[0].sizes().slice(1)))
        throw InputError("{}: a sample is {}, but {} in {}", file.string(), shape_text(parts.back().sizes().slice(1)),
                         shape_text(parts[0].sizes().slice(1)), stacks[0].string());
      starts_.push_back(rows);
      rows += parts.back().size(0);
    }
    if (rows == 0) throw InputError("{}: there are no samples", stacks[0].string());
    values_ = parts.size() == 1 ? parts[0] : at::cat(parts, 0);
    shape_ = values_.sizes().slice(1).vec();
    for (const auto& [name, file] : columns) add_column(name, file);
  }

  int64_t size() const override { return values_.size(0); }
  Part part(int64_t) const override { return Part::unspecified; }
  std::string row_name(int64_t row) const override {
    size_t file = starts_.size() - 1;
    while (file > 0 && row < starts_[file]) --file;
    return fmt::format("{}[{}]", files_[file].filename().string(), row - starts_[file]);
  }
  at::Tensor read(c10::ArrayRef<int64_t> rows) const override { return gather_rows(values_, rows); }
  std::vector<std::pair<std::string, std::string>> fingerprints() const override {
    std::vector<std::pair<std::string, std::string>> result;
    for (const auto& file : files_) result.emplace_back(file.string(), file_digest(file));
    return result;
  }
  std::string described() const override { return files_[0].string(); }

 private:
  static at::Tensor read_stack(const fs::path& file) {
    const NpyArray array = read_npy(file);
    if (!array.values.defined()) throw InputError("{}: holds texts; inputs must be numbers", file.string());
    return array.values;
  }

  void add_column(const std::string& name, const fs::path& file) {
    const NpyArray array = read_npy(file);
    if (array.shape.empty() || array.shape.size() > 2)
      throw InputError("{}: labels \"{}\" are [{}]; expected one or K per sample (labels per pixel are not read here)",
                       file.string(), name, shape_text(array.shape));
    if (array.shape[0] != size())
      throw InputError("{}: {} labels, but {} has {} samples", file.string(), array.shape[0], files_[0].string(),
                       size());
    if (!array.values.defined()) {
      if (array.shape.size() != 1) throw InputError("{}: texts \"{}\" must be one per sample", file.string(), name);
      Column column;
      column.numeric = false;
      column.texts = array.texts;
      columns_.add(name, std::move(column));
    } else if (array.shape.size() == 1) {
      columns_.add(name, numbers_of(array.values));
    } else {
      for (int64_t k = 0; k < array.shape[1]; ++k)
        columns_.add(fmt::format("{}.{}", name, k), numbers_of(array.values.select(1, k)));
    }
    files_.push_back(file);
  }

  std::vector<fs::path> files_;  // stacks first
  std::vector<int64_t> starts_;  // first row of each stack
  at::Tensor values_;
};

}  // namespace

std::unique_ptr<ArrayStore> open_array_stacks(const std::vector<fs::path>& stacks,
                                              const std::map<std::string, std::string>& columns,
                                              const ArrayLayout& layout) {
  return std::make_unique<ArrayStacks>(stacks, columns, layout);
}

}  // namespace polytask
