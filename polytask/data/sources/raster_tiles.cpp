#include <polytask/core/error.h>
#include <polytask/core/random.h>
#include <polytask/data/sources/raster_tiles.h>

#include <algorithm>

namespace polytask {
namespace {

// Pixels [begin, end) of one axis.
struct Interval {
  int64_t begin, end;
  int64_t origins(int64_t tile) const { return end - begin - tile + 1; }
};

std::vector<Interval> blocks_along(int64_t size, const RasterTileOptions& o) {
  const int64_t block = o.block == 0 ? size : o.block;
  std::vector<Interval> blocks;
  for (int64_t begin = 0; begin < size; begin += block) {
    const int64_t end = std::min(begin + block, size);
    if (!blocks.empty() && end - begin < o.tile) {
      blocks.back().end = end;
    } else {
      if (!blocks.empty()) blocks.back().end -= o.gap;
      blocks.push_back({begin, end});
    }
  }
  return blocks;
}

std::vector<int64_t> origins_in(const Interval& block, const RasterTileOptions& o) {
  const int64_t stride = o.stride == 0 ? o.tile : o.stride;
  std::vector<int64_t> origins;
  for (int64_t at = block.begin; at + o.tile <= block.end; at += stride) origins.push_back(at);
  if (origins.back() + o.tile < block.end) origins.push_back(block.end - o.tile);
  return origins;
}

// Which of the blocks holds the n-th origin of all of them, and that origin.
std::pair<int64_t, int64_t> origin_at(const std::vector<Interval>& blocks, int64_t tile, int64_t n) {
  size_t b = 0;
  while (n >= blocks[b].origins(tile)) n -= blocks[b++].origins(tile);
  return {static_cast<int64_t>(b), blocks[b].begin + n};
}

int64_t origin_count(const std::vector<Interval>& blocks, int64_t tile) {
  int64_t sum = 0;
  for (const auto& block : blocks) sum += block.origins(tile);
  return sum;
}

}  // namespace

std::vector<TilePlace> place_tiles(const RasterGrid& grid, const RasterTileOptions& o, uint64_t seed,
                                   const std::string& scene) {
  if (grid.width < o.tile || grid.height < o.tile)
    throw InputError("scene \"{}\" of {} × {} pixels is smaller than a tile of {} × {} (data.tile)", scene, grid.width,
                     grid.height, o.tile, o.tile);
  const auto columns = blocks_along(grid.width, o), rows = blocks_along(grid.height, o);
  std::vector<TilePlace> places;
  if (o.tiles == "random") {
    Random random(seed, "data/raster/" + scene);
    for (int64_t i = 0; i < o.count; ++i) {
      const auto [block_x, x] = origin_at(columns, o.tile, random.below(origin_count(columns, o.tile)));
      const auto [block_y, y] = origin_at(rows, o.tile, random.below(origin_count(rows, o.tile)));
      places.push_back({x, y, block_x, block_y});
    }
    return places;
  }
  for (size_t r = 0; r < rows.size(); ++r)
    for (size_t c = 0; c < columns.size(); ++c)
      for (const int64_t y : origins_in(rows[r], o))
        for (const int64_t x : origins_in(columns[c], o))
          places.push_back({x, y, static_cast<int64_t>(c), static_cast<int64_t>(r)});
  return places;
}

}  // namespace polytask
