#pragma once
#include <cstdint>

namespace polytask {

/// How the pictures are taken.
struct ImplantPicture {
  int64_t size = 64;         ///< pixels, square
  double mm_per_px = 0.3;    ///< the same in every picture, so that sizes can be measured
  double blur_px = 0.6;      ///< standard deviation of the blur
  double noise = 8;          ///< standard deviation of the grain, grey values
  double rotation_deg = 12;  ///< largest tilt to either side
};

/// What one sample is: a model of the catalogue in one of its sizes.
struct ImplantLabels {
  int64_t model = 0;  ///< index into implant_catalog()
  double diameter_mm = 0, length_mm = 0;
};

/// The labels of sample `index`: a pure function of (seed, index).
ImplantLabels draw_implant(uint64_t seed, int64_t index);

/// Renders sample `index` into `out` [size, size], dark to bright: a pure function of its arguments, from any thread.
void render_implant(const ImplantLabels& labels, const ImplantPicture& picture, uint64_t seed, int64_t index,
                    uint8_t* out);

}  // namespace polytask
