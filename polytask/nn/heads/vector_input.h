#pragma once
#include <polytask/core/options.h>
#include <polytask/nn/head.h>

#include <cstdint>
#include <string>

namespace polytask {

/// The options of every head that reads one vector per sample.
struct VectorInputOptions {
  std::string level;
  std::string pool = "avg";
  void fields(Fields& f);
};

/// The vector per sample that such a head reads: a vector level as it is, a spatial one pooled over space.
class VectorInput {
 public:
  /// Throws InputError where the level does not exist, or is spatial and `pool` is none.
  VectorInput(const VectorInputOptions& options, const HeadContext& context);
  int64_t width() const { return width_; }
  at::Tensor operator()(const Features& features) const;  // [B, width]

 private:
  enum class Pool { none, average, maximum };
  size_t index_;
  int64_t width_;
  Pool pool_ = Pool::none;
};

}  // namespace polytask
