#pragma once
#include <polytask/core/error.h>
#include <polytask/core/random.h>
#include <polytask/data/source.h>

#include <fmt/format.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace polytask {

/// Pictures [2, 8, 8] with labels per pixel that they show: "cover" (bright, dark) and two numbers, "near" and "far"
/// = 2 · near, some of them missing. Source `layered`.
class LayerSource : public Source {
 public:
  struct Options {
    int64_t count = 24;
    std::vector<std::string> cover = {"dark", "bright"};
    void fields(Fields& f) {
      f.field("count", count, "rows", at_least(1));
      f.field("cover", cover, "classes of the layer in their order; none: 0 is dark, 1 bright");
    }
  };

  LayerSource(const Options& options, uint64_t seed)
      : images_(at::empty({options.count, 2, 8, 8})), cover_(options.cover) {
    Random random(seed, "layer_source");
    auto* values = images_.data_ptr<float>();
    for (int64_t i = 0; i < images_.numel(); ++i) values[i] = static_cast<float>(random.uniform());
    near_ = images_.select(1, 0) + 1;
    near_.select(1, 0).fill_(std::numeric_limits<float>::quiet_NaN());
    images_.select(0, 0).select(1, 7).fill_(std::numeric_limits<float>::quiet_NaN());
  }

  int64_t size() const override { return images_.size(0); }
  std::vector<std::string> column_names() const override { return {}; }
  Column column(const std::string& name) const override { throw InputError("no column {}", name); }
  std::vector<InputSpec> inputs() const override {
    InputSpec spec;
    spec.name = "image";
    spec.shape = {2, 8, 8};
    return {spec};
  }
  at::Tensor read(int64_t, c10::ArrayRef<int64_t> rows) const override {
    return images_.index_select(0, at::tensor(rows, at::kLong));
  }
  std::vector<LayerSpec> layers() const override {
    return {{"cover", cover_, ""}, {"near", {}, "m"}, {"far", {}, "m"}};
  }
  at::Tensor read_layer(int64_t layer, c10::ArrayRef<int64_t> rows) const override {
    const at::Tensor index = at::tensor(rows, at::kLong);
    if (layer == 0) {
      const at::Tensor bright = images_.select(1, 1).index_select(0, index).gt(0.5);
      return at::where(bright, number_of_class("bright", 1), number_of_class("dark", 0)).to(at::kFloat);
    }
    return near_.index_select(0, index) * (layer == 1 ? 1 : 2);
  }
  std::vector<Preprocess> fit(const std::vector<int64_t>&) override {
    return {Preprocess::for_images(inputs()[0], 1, {0.5, 0.5}, {0.3, 0.3})};
  }
  std::string row_name(int64_t row) const override { return fmt::format("picture {}", row); }

 private:
  double number_of_class(const std::string& name, double unnamed) const {
    const auto found = std::find(cover_.begin(), cover_.end(), name);
    return found == cover_.end() ? unnamed : static_cast<double>(found - cover_.begin());
  }

  at::Tensor images_, near_;
  std::vector<std::string> cover_;
};

inline void register_layer_source() {
  sources().add<LayerSource::Options>("layered", "of the test", "",
                                      [](const LayerSource::Options& options, const OpenRequest& request) {
                                        return std::make_unique<LayerSource>(options, request.seed);
                                      });
}

}  // namespace polytask
