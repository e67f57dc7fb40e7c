#pragma once
#include <polytask/core/random.h>
#include <polytask/core/registry.h>

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

namespace polytask {

/// What a transform does to a picture, and therefore what has to happen to labels per pixel.
enum class TransformKind {
  values,    ///< changes values where they are: for the picture alone, labels stay as they are
  moves,     ///< only moves pixels, each to one place: labels go along as further channels of the picture
  resamples  ///< mixes pixels or brings some in from outside: of no use to labels per pixel
};

/// An augmentation of raw training images [B, C, H, W] (uint8 or float; photographs 0…255), each sample with draws of
/// its own. What is NaN (nodata) stays so.
class Transform {
 public:
  virtual ~Transform() = default;
  virtual TransformKind kind() const = 0;
  /// The images, of the same shape. Throws InputError for images that the transform is not made for.
  virtual at::Tensor apply(const at::Tensor& images, Random& random) const = 0;
};

using TransformRegistry = Registry<Transform>;
TransformRegistry& transforms();

/// A list of `{type: …, options}` nodes, in order.
std::vector<std::unique_ptr<Transform>> create_transforms(const std::vector<Node>& list);

}  // namespace polytask
