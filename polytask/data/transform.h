#pragma once
#include <polytask/core/random.h>
#include <polytask/core/registry.h>

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

namespace polytask {

/// An augmentation of raw training images [B, C, H, W] (uint8 or float, 0…255), each sample with draws of its own.
class Transform {
 public:
  virtual ~Transform() = default;
  virtual at::Tensor apply(const at::Tensor& images, Random& random) const = 0;
};

using TransformRegistry = Registry<Transform>;
TransformRegistry& transforms();

/// A list of `{type: …, options}` nodes, in order.
std::vector<std::unique_ptr<Transform>> create_transforms(const std::vector<Node>& list);

}  // namespace polytask
