#include <polytask/core/random.h>
#include <polytask/data/sources/forest_genera.h>
#include <polytask/data/sources/forest_stands.h>
#include <polytask/data/sources/smooth_field.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace polytask {
namespace {

constexpr double kJitter = 0.42;      // of the lattice's spacing, to each side
constexpr double kWarp = 0.22;        // standard deviation of the displacement, in stand widths
constexpr double kWarpScale = 0.7;    // of the displacement, in stand widths
constexpr double kMinHeight_m = 3;    // of a stand
constexpr double kHeightPower = 0.8;  // below 1: more tall stands than low ones
constexpr int64_t kMargin = 3;        // lattice points around a part that can own its pixels

int64_t draw_genus(int64_t classes, Random& random) {
  const auto& genera = forest_genera();
  double total = 0;
  for (int64_t g = 0; g < classes; ++g) total += genera[static_cast<size_t>(g)].frequency;
  double left = random.uniform() * total;
  for (int64_t g = 0; g < classes; ++g) {
    left -= genera[static_cast<size_t>(g)].frequency;
    if (left < 0) return g;
  }
  return classes - 1;
}

// The stand at a lattice point.
ForestStand draw_stand(const ForestStandOptions& options, uint64_t seed, int64_t column, int64_t row) {
  Random random(seed, fmt::format("forest/stand/{}/{}", column, row));
  ForestStand stand;
  stand.column = (static_cast<double>(column) + 0.5 + random.uniform(-kJitter, kJitter)) * options.width_px;
  stand.row = (static_cast<double>(row) + 0.5 + random.uniform(-kJitter, kJitter)) * options.width_px;
  if (random.uniform() < options.open) return stand;
  stand.genus = draw_genus(options.classes, random);
  const double tallest = forest_genera()[static_cast<size_t>(stand.genus)].max_height_m;
  stand.height_m = kMinHeight_m + (tallest - kMinHeight_m) * std::pow(random.uniform(), kHeightPower);
  stand.log_density = options.density_std * random.normal();
  return stand;
}

// Centres of stands on a lattice, and which of them is nearest.
class Centres {
 public:
  Centres(double spacing, int64_t x, int64_t y, int64_t size)
      : left(lattice_at(x, spacing) - kMargin),
        top(lattice_at(y, spacing) - kMargin),
        columns(lattice_at(x + size, spacing) + kMargin + 1 - left),
        rows(lattice_at(y + size, spacing) + kMargin + 1 - top),
        spacing_(static_cast<float>(spacing)) {}

  const int64_t left, top, columns, rows;  // the part of the lattice

  void add(const ForestStand& stand) {
    x_.push_back(static_cast<float>(stand.column));
    y_.push_back(static_cast<float>(stand.row));
  }

  // Looks at the lattice point of the place and its eight neighbours.
  int64_t nearest(float x, float y) const {
    const auto column = static_cast<int64_t>(std::floor(x / spacing_)) - left;
    const auto row = static_cast<int64_t>(std::floor(y / spacing_)) - top;
    int64_t best = 0;
    float least = std::numeric_limits<float>::infinity();
    for (int64_t r = row - 1; r <= row + 1; ++r) {
      for (int64_t at = r * columns + column - 1; at <= r * columns + column + 1; ++at) {
        const float dx = x_[static_cast<size_t>(at)] - x, dy = y_[static_cast<size_t>(at)] - y;
        const float distance = dx * dx + dy * dy;
        if (distance >= least) continue;
        least = distance;
        best = at;
      }
    }
    return best;
  }

 private:
  static int64_t lattice_at(int64_t place, double spacing) {
    return static_cast<int64_t>(std::floor(static_cast<double>(place) / spacing));
  }

  float spacing_;
  std::vector<float> x_, y_;  // row by row
};

}  // namespace

ForestStandMap map_stands(const ForestStandOptions& options, uint64_t seed, int64_t x, int64_t y, int64_t size) {
  const double spacing = options.width_px;
  const auto across = SmoothField(seed, "forest/warp_x", kWarpScale * spacing).over(x, y, size);
  const auto down = SmoothField(seed, "forest/warp_y", kWarpScale * spacing).over(x, y, size);
  Centres centres(spacing, x, y, size);
  ForestStandMap map;
  for (int64_t row = centres.top; row < centres.top + centres.rows; ++row) {
    for (int64_t column = centres.left; column < centres.left + centres.columns; ++column) {
      map.stands.push_back(draw_stand(options, seed, column, row));
      centres.add(map.stands.back());
    }
  }
  const auto warp = static_cast<float>(kWarp * spacing), farthest = static_cast<float>((kMargin - 1) * spacing);
  map.stand.resize(static_cast<size_t>(size * size));
  for (int64_t i = 0; i < size * size; ++i) {
    const auto at = static_cast<size_t>(i);
    const float right = std::clamp(warp * across[at], -farthest, farthest);
    const float lower = std::clamp(warp * down[at], -farthest, farthest);
    const int64_t column = x + i % size, row = y + i / size;
    map.stand[at] = centres.nearest(static_cast<float>(column) + right, static_cast<float>(row) + lower);
  }
  return map;
}

}  // namespace polytask
