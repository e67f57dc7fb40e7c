#pragma once
#include <polytask/core/random.h>

#include <cstdint>
#include <vector>

namespace polytask {

/// Where the implant stands in the picture, in mm from its upper left corner.
struct ImplantPlace {
  double platform_x_mm = 0, platform_y_mm = 0;
  double radius_mm = 2;
};

/// Paints the jaw around an implant into `image` (size × size grey values): soft tissue above, the bone's crest with
/// its cortical line, the network of trabeculae, at times neighbouring roots and the nerve's canal.
void paint_bone(Random& random, const ImplantPlace& place, int64_t size, double mm_per_px, std::vector<float>& image);

}  // namespace polytask
