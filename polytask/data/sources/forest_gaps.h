#pragma once
#include <polytask/core/random.h>

#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

/// One gap as radar pictures have it, in a picture of size · size pixels, row by row: 1 where there is no data. A
/// rectangle with sides of an eighth to a half of the picture's, or a streak from edge to edge, an eighth thick at
/// most.
std::vector<uint8_t> draw_picture_gap(int64_t size, Random& random);

/// Clouds without data that cover a share of the plane on average: where a SmoothField is low.
class GapClouds {
 public:
  /// `share` in [0, 1); clouds are about `scale` pixels wide.
  GapClouds(double share, double scale);
  /// 1 where the part of the layer `name` has no data; a pure function of (seed, name, place).
  std::vector<uint8_t> over(uint64_t seed, const std::string& name, int64_t x, int64_t y, int64_t size) const;

 private:
  double threshold_, scale_;
};

}  // namespace polytask
