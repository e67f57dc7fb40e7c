#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// Where the pixels of a raster lie.
struct RasterGrid {
  int64_t width = 0, height = 0;
  /// A pixel's upper left corner in the CRS, from its column and row: x = t₀ + column t₁ + row t₂,
  /// y = t₃ + column t₄ + row t₅. None: the file does not say.
  std::optional<std::array<double, 6>> transform;
  std::string crs;       ///< as WKT; "": the file names none
  std::string crs_name;  ///< "EPSG:32618", or its name where it has no code
};

/// Pixels [x, x + width) × [y, y + height).
struct RasterWindow {
  int64_t x = 0, y = 0, width = 0, height = 0;
};

/// Whether two CRS given as WKT are the same; "" is the same as "" alone.
bool same_crs(const std::string& a, const std::string& b);

/// A raster in messages: "height (a_height.tif)".
struct NamedGrid {
  std::string name;
  RasterGrid grid;
};

/// Throws InputError, beginning with `where`, listing every raster that does not lie on the pixels of the first one,
/// and how it differs: in size, in position (a corner by more than a hundredth of a pixel) or in CRS. A raster without
/// a position or without CRS agrees with none that has one. `size_only`: only the size counts.
void check_coregistered(const std::vector<NamedGrid>& rasters, const std::string& where, bool size_only = false);

/// Calls `visit` for the windows of `width` × `height` that cover the grid, row by row; those at its right and lower
/// edges are smaller.
void for_each_window(const RasterGrid& grid, int64_t width, int64_t height,
                     const std::function<void(const RasterWindow&)>& visit);

}  // namespace polytask
