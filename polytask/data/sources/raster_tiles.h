#pragma once
#include <polytask/data/sources/raster_options.h>
#include <polytask/data/sources/raster_parts.h>
#include <polytask/io/raster_grid.h>

#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

/// A tile's upper left pixel, and the block of the scene that it lies in (column and row of blocks).
struct TilePlace {
  int64_t x = 0, y = 0;
  int64_t block_x = 0, block_y = 0;
};

/// The tiles of a scene: in a grid over each block (a block's last ones moved inside), or at random places of it (by
/// the stream "data/raster/<scene>"; a place is as likely as any other), but for blocks that `parts` gives to
/// validation or test, over which there is a grid always, so that all of it is judged. What is left at the edges
/// and is smaller than a tile belongs to the block before it. Throws InputError for a scene smaller than a tile.
std::vector<TilePlace> place_tiles(const RasterGrid& grid, const RasterTileOptions& options, uint64_t seed,
                                   const std::string& scene, const RasterParts& parts = RasterParts());

/// All blocks of a scene, with a tile or without, as block_name() writes them.
std::vector<std::string> scene_blocks(const RasterGrid& grid, const RasterTileOptions& options,
                                      const std::string& scene);

}  // namespace polytask
