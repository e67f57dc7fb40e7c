#include <polytask/core/error.h>
#include <polytask/io/raster_grid.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace polytask {
namespace {

using Transform = std::array<double, 6>;

// The largest distance between the positions that two transforms give a corner of the grid, in pixels of the first.
double largest_shift(const RasterGrid& grid, const Transform& a, const Transform& b) {
  const double pixel = std::max(std::hypot(a[1], a[4]), std::hypot(a[2], a[5]));
  double largest = 0;
  for (const auto column : {0.0, static_cast<double>(grid.width)})
    for (const auto row : {0.0, static_cast<double>(grid.height)})
      largest = std::max(largest, std::hypot((a[0] - b[0]) + column * (a[1] - b[1]) + row * (a[2] - b[2]),
                                             (a[3] - b[3]) + column * (a[4] - b[4]) + row * (a[5] - b[5])));
  return largest / pixel;
}

std::string crs_text(const RasterGrid& grid) { return grid.crs.empty() ? "no CRS" : grid.crs_name; }

std::string position_text(const RasterGrid& grid) {
  if (!grid.transform) return "no position";
  const auto& t = *grid.transform;
  return fmt::format("origin ({}, {}), pixels of {} × {}", t[0], t[3], std::hypot(t[1], t[4]), std::hypot(t[2], t[5]));
}

bool same_position(const RasterGrid& a, const RasterGrid& b) {
  constexpr double kTolerance = 0.01;
  if (!a.transform || !b.transform) return a.transform.has_value() == b.transform.has_value();
  return largest_shift(a, *a.transform, *b.transform) <= kTolerance;
}

// How `other` differs from `first`, "" where it does not.
std::string difference(const RasterGrid& first, const RasterGrid& other, bool size_only) {
  std::vector<std::string> parts;
  const auto add = [&parts](const std::string& is, const std::string& expected) {
    parts.push_back(fmt::format("{}, not {}", is, expected));
  };
  if (other.width != first.width || other.height != first.height)
    add(fmt::format("{} × {} pixels", other.width, other.height), fmt::format("{} × {}", first.width, first.height));
  if (!size_only && !same_position(first, other)) add(position_text(other), position_text(first));
  if (!size_only && !same_crs(first.crs, other.crs)) add(crs_text(other), crs_text(first));
  return fmt::format("{}", fmt::join(parts, "; "));
}

}  // namespace

void check_coregistered(const std::vector<NamedGrid>& rasters, const std::string& where, bool size_only) {
  std::string differences;
  for (size_t i = 1; i < rasters.size(); ++i)
    if (const auto how = difference(rasters[0].grid, rasters[i].grid, size_only); !how.empty())
      differences += fmt::format("{}{} has {}", differences.empty() ? "" : "; ", rasters[i].name, how);
  if (!differences.empty())
    throw InputError("{}: the rasters do not lie on the same pixels as {}: {}", where, rasters[0].name, differences);
}

void for_each_window(const RasterGrid& grid, int64_t width, int64_t height,
                     const std::function<void(const RasterWindow&)>& visit) {
  for (int64_t y = 0; y < grid.height; y += height)
    for (int64_t x = 0; x < grid.width; x += width)
      visit({x, y, std::min(width, grid.width - x), std::min(height, grid.height - y)});
}

}  // namespace polytask
