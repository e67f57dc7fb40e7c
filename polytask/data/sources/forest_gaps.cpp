#include <polytask/data/sources/forest_gaps.h>
#include <polytask/data/sources/smooth_field.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace polytask {
namespace {

// What a standard normal number is below with this probability, by bisection.
double normal_quantile(double probability) {
  if (probability <= 0) return -std::numeric_limits<double>::infinity();
  double low = -40, high = 40;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (std::erfc(-middle / std::sqrt(2.0)) / 2 < probability ? low : high) = middle;
  }
  return low;
}

}  // namespace

std::vector<uint8_t> draw_picture_gap(int64_t size, Random& random) {
  const int64_t eighth = std::max<int64_t>(1, size / 8), half = std::max(eighth, size / 2);
  const auto side = [&] { return eighth + random.below(half - eighth + 1); };
  int64_t width = size, height = size;
  if (random.uniform() < 0.5) {
    width = side();
    height = side();
  } else {
    (random.uniform() < 0.5 ? width : height) = 1 + random.below(eighth);
  }
  const int64_t left = random.below(size - width + 1), top = random.below(size - height + 1);
  std::vector<uint8_t> gap(static_cast<size_t>(size * size));
  for (int64_t y = top; y < top + height; ++y) std::fill_n(gap.begin() + y * size + left, width, uint8_t{1});
  return gap;
}

GapClouds::GapClouds(double share, double scale) : threshold_(normal_quantile(share)), scale_(scale) {}

std::vector<uint8_t> GapClouds::over(uint64_t seed, const std::string& name, int64_t x, int64_t y, int64_t size) const {
  std::vector<uint8_t> gap(static_cast<size_t>(size * size));
  if (std::isinf(threshold_)) return gap;
  const auto field = SmoothField(seed, "forest/gap/" + name, scale_).over(x, y, size);
  for (size_t i = 0; i < gap.size(); ++i) gap[i] = static_cast<double>(field[i]) < threshold_;
  return gap;
}

}  // namespace polytask
