#include <polytask/data/sources/normal_stream.h>

#include <cmath>

namespace polytask {

float NormalStream::uniform() { return (static_cast<float>(random_.bits() >> 40) + 1) * 0x1.0p-24F; }

float NormalStream::normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  const uint64_t bits = random_.bits();
  const float u = (static_cast<float>(bits >> 40) + 1) * 0x1.0p-24F;
  const float angle = static_cast<float>(bits & 0xffffff) * (0x1.0p-24F * 2 * static_cast<float>(M_PI));
  const float radius = std::sqrt(-2 * std::log(u));
  spare_ = radius * std::sin(angle);
  has_spare_ = true;
  return radius * std::cos(angle);
}

}  // namespace polytask
