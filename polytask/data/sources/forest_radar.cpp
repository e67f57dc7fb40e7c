#include <polytask/data/sources/forest_radar.h>

#include <cmath>

namespace polytask {

float water_cloud(const WaterCloud& canopy, float volume, float soil, float cosine) {
  if (volume <= 0) return soil;
  const float through = std::exp(-2 * canopy.attenuation * volume / cosine);
  return canopy.vegetation * std::exp(canopy.exponent * std::log(volume)) * cosine * (1 - through) + soil * through;
}

Speckle::Speckle(double looks, Random random)
    : stream_(random),
      shape_(static_cast<float>(looks - 1.0 / 3)),
      spread_(static_cast<float>(1 / std::sqrt(9 * (looks - 1.0 / 3)))) {}

float Speckle::draw() {
  for (;;) {
    const float z = stream_.normal(), root = 1 + spread_ * z;
    if (root <= 0) continue;
    const float cube = root * root * root, u = stream_.uniform();
    if (u < 1 - 0.0331F * z * z * z * z || std::log(u) < 0.5F * z * z + shape_ * (1 - cube + std::log(cube)))
      return shape_ * cube / (shape_ + 1.0F / 3);  // a gamma variable of shape L, over L
  }
}

}  // namespace polytask
