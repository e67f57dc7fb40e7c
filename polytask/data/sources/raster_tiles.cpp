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

struct Blocks {
  std::vector<Interval> columns, rows;
  std::vector<std::vector<bool>> held_out;  // [row][column]: for validation or test
};

Blocks blocks_of(const RasterGrid& grid, const RasterTileOptions& o, const std::string& scene,
                 const RasterParts& parts) {
  Blocks blocks{blocks_along(grid.width, o), blocks_along(grid.height, o), {}};
  for (size_t r = 0; r < blocks.rows.size(); ++r) {
    blocks.held_out.emplace_back();
    for (size_t c = 0; c < blocks.columns.size(); ++c) {
      const Part part = parts.of(scene, static_cast<int64_t>(c), static_cast<int64_t>(r));
      blocks.held_out.back().push_back(part == Part::validation || part == Part::test);
    }
  }
  return blocks;
}

// Appends a grid over every block, or over those that are held out.
void add_grid(const Blocks& blocks, const RasterTileOptions& o, bool only_held_out, std::vector<TilePlace>& places) {
  for (size_t r = 0; r < blocks.rows.size(); ++r)
    for (size_t c = 0; c < blocks.columns.size(); ++c) {
      if (only_held_out && !blocks.held_out[r][c]) continue;
      for (const int64_t y : origins_in(blocks.rows[r], o))
        for (const int64_t x : origins_in(blocks.columns[c], o))
          places.push_back({x, y, static_cast<int64_t>(c), static_cast<int64_t>(r)});
    }
}

// Appends random places of the blocks that are not held out.
void add_random(const Blocks& blocks, const RasterTileOptions& o, Random random, std::vector<TilePlace>& places) {
  const bool any = std::any_of(blocks.held_out.begin(), blocks.held_out.end(),
                               [](const auto& row) { return std::find(row.begin(), row.end(), false) != row.end(); });
  for (int64_t drawn = 0; any && drawn < o.count;) {
    const auto [c, x] = origin_at(blocks.columns, o.tile, random.below(origin_count(blocks.columns, o.tile)));
    const auto [r, y] = origin_at(blocks.rows, o.tile, random.below(origin_count(blocks.rows, o.tile)));
    if (blocks.held_out[static_cast<size_t>(r)][static_cast<size_t>(c)]) continue;
    places.push_back({x, y, c, r});
    ++drawn;
  }
}

}  // namespace

std::vector<TilePlace> place_tiles(const RasterGrid& grid, const RasterTileOptions& o, uint64_t seed,
                                   const std::string& scene, const RasterParts& parts) {
  if (grid.width < o.tile || grid.height < o.tile)
    throw InputError("scene \"{}\" of {} × {} pixels is smaller than a tile of {} × {} (data.tile)", scene, grid.width,
                     grid.height, o.tile, o.tile);
  const Blocks blocks = blocks_of(grid, o, scene, parts);
  std::vector<TilePlace> places;
  const bool random = o.tiles == "random";
  if (random) add_random(blocks, o, Random(seed, "data/raster/" + scene), places);
  add_grid(blocks, o, random, places);
  return places;
}

std::vector<std::string> scene_blocks(const RasterGrid& grid, const RasterTileOptions& o, const std::string& scene) {
  const size_t columns = blocks_along(grid.width, o).size(), rows = blocks_along(grid.height, o).size();
  std::vector<std::string> names;
  for (size_t r = 0; r < rows; ++r)
    for (size_t c = 0; c < columns; ++c)
      names.push_back(block_name(scene, static_cast<int64_t>(c), static_cast<int64_t>(r)));
  return names;
}

}  // namespace polytask
