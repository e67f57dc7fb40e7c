#pragma once
#include <polytask/data/make.h>

namespace polytask {

/// Throws InputError where `count` (scenes) or `size` is out of range.
void check_forest(const MakeOptions& options);

/// Writes `count` scenes of the source `forest` as GeoTIFFs into an existing directory, in constant memory, for the
/// source `raster`: scene_000_S1.tif (VV, VH in dB), scene_000_genus.tif (codes from 1, 0: none), scene_000_height.tif
/// (m), scene_000_biomass.tif (Mg/ha), …, and genera.json with the names of the codes. Scenes are `size` × `size` cells
/// of 25 m and lie apart from each other in UTM zone 32N (EPSG:32632); nodata is −9999. Scenes of an earlier call that
/// are not made anew are removed. Throws InputError where polytask was built without rasters; Interrupted between two
/// tiles.
void write_forest(const MakeOptions& options);

}  // namespace polytask
