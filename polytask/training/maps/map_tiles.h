#pragma once
#include <polytask/io/raster_grid.h>

#include <cstdint>
#include <vector>

namespace polytask {

/// A tile of a scene: what the model reads, and the pixels inside that it contributes.
struct MapTile {
  RasterWindow read, keep;
};

/// Tiles that cover the scene with what they contribute, row by row, in groups of at most `most` of one size that
/// follow each other. `side`: of what a tile contributes, rounded up to a multiple of `stride`; a margin of at least
/// `radius` is read around it, as far as the scene goes. Reading begins at multiples of `stride`.
std::vector<std::vector<MapTile>> tile_groups(const RasterGrid& grid, int64_t side, int64_t radius, int64_t stride,
                                              int64_t most);

/// The smallest multiple of `step` that is not below `value`.
int64_t round_up(int64_t value, int64_t step);

}  // namespace polytask
