#pragma once
#include <polytask/data/sources/raster_stack.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace polytask {

/// One file that mapping writes.
struct MapProduct {
  std::string name;                      ///< of the file, without .tif, and of its band
  std::vector<std::string> class_names;  ///< values are indices into these; empty: numbers
  std::string unit;                      ///< "m", or ""
  bool gaps = false;                     ///< NaN stands for no data; otherwise it is a failure of the model
};

/// Whatever turns the pixels of a scene into maps.
struct MapModel {
  std::vector<MapProduct> products;
  /// No pixel of a map depends on input pixels farther away along an axis …
  int64_t radius = 0;
  /// … and maps move with the input when that moves by a multiple of `stride`.
  int64_t stride = 1;
  /// Raw channels, float32 [B, C, h, w], NaN where missing → one tensor [B, h, w] for each product.
  std::function<std::vector<at::Tensor>(const at::Tensor&)> predict;
};

struct MapOptions {
  int64_t tile = 512;  ///< pixels of a side that a tile contributes, rounded up to a multiple of the model's stride
  int64_t batch = 1;   ///< tiles that go through the model together
  /// Also map pixels that lack some, but not all, of their channels. Pixels without data are nodata in every map.
  bool partial_input = false;
};

/// Writes `<directory>/<product>.tif` for every product: numbers as float32 with nodata −9999, classes as uint8 with
/// nodata 255 (uint16 and 65535 for more than 255 classes), whose names are metadata CLASS_0, CLASS_1, …; CRS and
/// position are the scene's.
///
/// The scene goes through the model in overlapping tiles: a margin of at least `radius` pixels, whose maps are thrown
/// away, surrounds what a tile contributes, and tiles begin at multiples of `stride`, so that the maps are those of the
/// whole scene at once (but for rounding). Memory does not depend on the size of the scene; for files stored in strips
/// GDAL keeps a row of tiles, at most 256 MB a file. Reading goes ahead of the model in a thread of its own.
///
/// Nothing has its name before all products are complete. Throws Interrupted between tiles, WorkError where a map of
/// the model is not finite.
void write_maps(const RasterStack& scene, const MapModel& model, const std::filesystem::path& directory,
                const MapOptions& options);

}  // namespace polytask
