#pragma once
#include <cstdint>
#include <vector>

namespace polytask {

/// A stand: one genus, of one age.
struct ForestStand {
  int64_t genus = -1;          ///< index into forest_genera(); −1: open ground
  double height_m = 0;         ///< of its typical cell
  double log_density = 0;      ///< deviation of log stems from what the height leads to
  double column = 0, row = 0;  /// its centre, in pixels, before the plane is warped
};

struct ForestStandOptions {
  int64_t classes = 6;        ///< the first genera of forest_genera()
  double width_px = 14;       ///< mean width of a stand
  double open = 0.08;         ///< share of the stands that are open ground
  double density_std = 0.15;  ///< standard deviation of `log_density`
};

/// The stands of a square part of a scene.
struct ForestStandMap {
  std::vector<ForestStand> stands;
  std::vector<int64_t> stand;  ///< [size · size] index into `stands`, row by row
};

/// Stands are the cells of a Voronoi diagram of jittered lattice points, in a plane that smooth noise warps, so that
/// their borders are no straight lines. A pure function of (seed, options, place).
ForestStandMap map_stands(const ForestStandOptions& options, uint64_t seed, int64_t x, int64_t y, int64_t size);

}  // namespace polytask
