#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

/// Smooth noise over the plane, a pure function of (seed, name, place): normal with mean 0 and standard deviation 1 at
/// every place, correlated over about `scale` pixels. (Value noise: normal numbers on a lattice of that spacing between
/// which smoothstep weights blend, the weights' squares adding up to 1.)
class SmoothField {
 public:
  SmoothField(uint64_t seed, const std::string& name, double scale);

  /// The values at the `size` × `size` pixels from column `x` and row `y` on, row by row.
  std::vector<float> over(int64_t x, int64_t y, int64_t size) const;

 private:
  uint64_t seed_;
  double scale_;
};

}  // namespace polytask
