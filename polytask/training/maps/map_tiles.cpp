#include <polytask/training/maps/map_tiles.h>

#include <algorithm>

namespace polytask {
namespace {

bool together(const MapTile& a, const MapTile& b) {
  return a.read.y == b.read.y && a.read.width == b.read.width && a.read.height == b.read.height;
}

}  // namespace

int64_t round_up(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

std::vector<std::vector<MapTile>> tile_groups(const RasterGrid& grid, int64_t side, int64_t radius, int64_t stride,
                                              int64_t most) {
  const int64_t keep = round_up(side, stride), margin = round_up(radius, stride);
  std::vector<std::vector<MapTile>> groups;
  for_each_window(grid, keep, keep, [&](const RasterWindow& w) {
    MapTile tile{{}, w};
    tile.read.x = std::max<int64_t>(w.x - margin, 0);
    tile.read.y = std::max<int64_t>(w.y - margin, 0);
    tile.read.width = std::min(w.x + w.width + margin, grid.width) - tile.read.x;
    tile.read.height = std::min(w.y + w.height + margin, grid.height) - tile.read.y;
    if (groups.empty() || static_cast<int64_t>(groups.back().size()) >= most || !together(groups.back().back(), tile))
      groups.emplace_back();
    groups.back().push_back(tile);
  });
  return groups;
}

}  // namespace polytask
