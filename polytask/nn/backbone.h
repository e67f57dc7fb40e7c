#pragma once
#include <polytask/core/registry.h>
#include <polytask/nn/receptive_field.h>

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

/// One representation that a backbone offers to heads.
struct Level {
  std::string name;
  int64_t channels = 0;
  int64_t stride = 0;  ///< input pixels per cell; 0: a vector per sample, no space
  bool spatial() const { return stride > 0; }
};

/// Representations of one batch, in the order of the backbone's levels: [B, C] or [B, C, H, W].
using Features = std::vector<at::Tensor>;

/// The shared part of a model: input → representations. Vector levels come last, the default level of a head is the
/// last.
class Backbone : public torch::nn::Module {
 public:
  virtual std::vector<Level> levels() const = 0;
  /// `input` is [B, C, H, W] or [B, F].
  virtual Features forward(const at::Tensor& input) = 0;
  /// What the cells of every level read, in the order of the levels; none for a level whose cells read the whole input.
  /// Empty where the backbone does not say: maps can then not be computed tile by tile.
  virtual std::vector<std::optional<Reach>> reach() const { return {}; }
};

/// The shape of a preprocessed input, without batch; what a backbone is built for.
using InputShape = std::vector<int64_t>;

using BackboneRegistry = Registry<Backbone, const InputShape&>;
BackboneRegistry& backbones();

/// Makes a backbone of any module whose `forward(Tensor)` gives one tensor with `channels` in dimension 1
/// (stride 0: a vector).
template <class Wrapped>
class WrappedBackbone : public Backbone {
 public:
  WrappedBackbone(std::shared_ptr<Wrapped> module, int64_t channels, int64_t stride = 0)
      : module_(std::move(module)), level_{"features", channels, stride} {
    register_module("module", module_);
  }
  std::vector<Level> levels() const override { return {level_}; }
  Features forward(const at::Tensor& input) override { return {module_->forward(input)}; }

 private:
  std::shared_ptr<Wrapped> module_;
  Level level_;
};
template <class Wrapped>
std::shared_ptr<Backbone> wrap_backbone(std::shared_ptr<Wrapped> module, int64_t channels, int64_t stride = 0) {
  return std::make_shared<WrappedBackbone<Wrapped>>(std::move(module), channels, stride);
}

}  // namespace polytask
