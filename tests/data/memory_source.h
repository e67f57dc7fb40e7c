#pragma once
#include <polytask/core/error.h>
#include <polytask/core/suggest.h>
#include <polytask/data/source.h>

#include <fmt/format.h>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

/// Pictures and columns held in memory, with rows that fail on purpose.
class MemorySource : public Source {
 public:
  explicit MemorySource(at::Tensor images) : images_(std::move(images)) {}

  std::map<std::string, Column> columns;
  std::vector<Part> parts;
  std::vector<LayerSpec> layer_specs;
  std::vector<at::Tensor> layer_values;      ///< float [N, H, W] each
  std::set<int64_t> broken;                  ///< rows whose picture cannot be read
  std::set<int64_t> broken_layers;           ///< rows whose layers cannot be read
  std::vector<int64_t> known_unreadable;     ///< unreadable_rows()
  std::vector<NeighbourGroup> neighbours;    ///< neighbour_groups()
  std::vector<std::string> excluded;         ///< as exclude_from_inputs() was told
  mutable std::vector<int> threads_in_read;  ///< libtorch's threads as seen by each read
  mutable std::mutex mutex;

  void add_texts(const std::string& name, std::vector<std::string> texts) {
    columns[name].numeric = false;
    columns[name].texts = std::move(texts);
  }
  void add_numbers(const std::string& name, std::vector<double> numbers) { columns[name].numbers = std::move(numbers); }

  int64_t size() const override { return images_.size(0); }
  Part part(int64_t row) const override { return parts.empty() ? Part::unspecified : parts[static_cast<size_t>(row)]; }
  std::vector<std::string> column_names() const override {
    std::vector<std::string> names;
    for (const auto& [name, column] : columns) names.push_back(name);
    return names;
  }
  Column column(const std::string& name) const override {
    if (columns.count(name) == 0) throw InputError("unknown column \"{}\"{}", name, did_you_mean(name, column_names()));
    return columns.at(name);
  }
  std::vector<InputSpec> inputs() const override {
    InputSpec spec;
    spec.name = "image";
    spec.shape = images_.sizes().slice(1).vec();
    return {spec};
  }
  at::Tensor read(int64_t, c10::ArrayRef<int64_t> rows) const override {
    {
      const std::lock_guard<std::mutex> lock(mutex);
      threads_in_read.push_back(at::get_num_threads());
    }
    for (const int64_t row : rows)
      if (broken.count(row) > 0) throw InputError("{}: broken", row_name(row));
    return images_.index_select(0, at::tensor(rows, at::kLong));
  }
  std::vector<Preprocess> fit(const std::vector<int64_t>&) override {
    return {Preprocess::for_images(inputs()[0], 1.0 / 255, {0.5}, {0.25})};
  }
  void add_layer(LayerSpec spec, at::Tensor values) {
    layer_specs.push_back(std::move(spec));
    layer_values.push_back(std::move(values));
  }
  std::vector<LayerSpec> layers() const override { return layer_specs; }
  at::Tensor read_layer(int64_t layer, c10::ArrayRef<int64_t> rows) const override {
    for (const int64_t row : rows)
      if (broken_layers.count(row) > 0) throw InputError("{}: broken layer", row_name(row));
    return layer_values.at(static_cast<size_t>(layer)).index_select(0, at::tensor(rows, at::kLong));
  }
  std::vector<int64_t> unreadable_rows() const override { return known_unreadable; }
  std::vector<NeighbourGroup> neighbour_groups() const override { return neighbours; }
  void exclude_from_inputs(const std::vector<std::string>& names) override { excluded = names; }
  std::string row_name(int64_t row) const override { return fmt::format("memory[{}]", row); }

 private:
  at::Tensor images_;  // uint8 [N, 1, H, W]
};

/// n pictures whose every pixel is the row's number (mod 256).
inline at::Tensor numbered_images(int64_t n, int64_t side = 4) {
  return at::arange(n, at::kLong)
      .remainder(256)
      .to(at::kByte)
      .view({n, 1, 1, 1})
      .expand({n, 1, side, side})
      .contiguous();
}

/// The text of the InputError that `call` throws, "no error" where it throws none.
template <class Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace polytask
