#include <polytask/core/random.h>
#include <polytask/data/sources/smooth_field.h>

#include <cmath>

namespace polytask {
namespace {

// How the pixels of one axis lie between the lattice's points.
struct Axis {
  int64_t first = 0, points = 0;  // lattice points that are needed
  std::vector<int64_t> lower;     // of each pixel, counted from `first`
  std::vector<float> low, high;   // weights of that point and the next
};

Axis axis_of(int64_t begin, int64_t size, double scale) {
  Axis axis;
  axis.first = static_cast<int64_t>(std::floor(static_cast<double>(begin) / scale));
  for (int64_t i = 0; i < size; ++i) {
    const double place = static_cast<double>(begin + i) / scale, floor = std::floor(place);
    const double t = place - floor, s = t * t * (3 - 2 * t);
    const double norm = 1 / std::hypot(1 - s, s);
    axis.lower.push_back(static_cast<int64_t>(floor) - axis.first);
    axis.low.push_back(static_cast<float>((1 - s) * norm));
    axis.high.push_back(static_cast<float>(s * norm));
  }
  axis.points = axis.lower.back() + 2;
  return axis;
}

float lattice_normal(uint64_t seed, int64_t column, int64_t row) {
  const uint64_t place = static_cast<uint64_t>(column) * 0xd6e8feb86659fd93ULL ^
                         static_cast<uint64_t>(row) * 0xa0761d6478bd642fULL;  // odd numbers: no two places alike
  return static_cast<float>(Random(seed ^ place).normal());
}

}  // namespace

SmoothField::SmoothField(uint64_t seed, const std::string& name, double scale)
    : seed_(stream_seed(seed, name)), scale_(scale) {}

std::vector<float> SmoothField::over(int64_t x, int64_t y, int64_t size) const {
  const Axis across = axis_of(x, size, scale_), down = axis_of(y, size, scale_);
  const auto width = static_cast<size_t>(size);
  std::vector<float> rows(static_cast<size_t>(down.points) * width), points(static_cast<size_t>(across.points));
  for (int64_t j = 0; j < down.points; ++j) {  // lattice rows, blended across
    for (int64_t i = 0; i < across.points; ++i)
      points[static_cast<size_t>(i)] = lattice_normal(seed_, across.first + i, down.first + j);
    float* row = rows.data() + static_cast<size_t>(j) * width;
    for (size_t i = 0; i < width; ++i) {
      const auto at = static_cast<size_t>(across.lower[i]);
      row[i] = across.low[i] * points[at] + across.high[i] * points[at + 1];
    }
  }
  std::vector<float> values(width * width);
  for (size_t j = 0; j < width; ++j) {
    const float* upper = rows.data() + static_cast<size_t>(down.lower[j]) * width;
    for (size_t i = 0; i < width; ++i) values[j * width + i] = down.low[j] * upper[i] + down.high[j] * upper[width + i];
  }
  return values;
}

}  // namespace polytask
