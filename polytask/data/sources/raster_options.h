#pragma once
#include <polytask/core/options.h>
#include <polytask/data/sources/normalize.h>
#include <polytask/io/raster.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

/// What files do not say of their numbers, or say wrongly.
struct RasterReading {
  std::optional<double> nodata, scale, offset, valid_min, valid_max;
  void fields(Fields& f);
  BandReading of_band(int64_t band) const { return {band, nodata, scale, offset, valid_min, valid_max}; }
};

/// Some bands of one file a scene, or of several that are averaged.
struct RasterInputOptions {
  std::string file;
  std::vector<std::string> bands;
  std::string domain = "plain";
  double floor = 1e-5;
  RasterReading reading;  // its options stand directly among these
  void fields(Fields& f);
};

/// One layer of labels.
struct RasterLayerOptions {
  std::string file;
  std::string band = "1";
  Node classes;
  std::vector<double> ignore;
  std::string unit;
  RasterReading reading;  // its options stand directly among these
  void fields(Fields& f);
};

/// How scenes are cut into samples.
struct RasterTileOptions {
  int64_t tile = 64;
  std::string tiles = "grid";
  int64_t stride = 0;
  int64_t count = 0;
  int64_t block = 0;
  int64_t gap = 0;
  void fields(Fields& f);
  /// Throws InputError for options that contradict each other.
  void check() const;
};

/// Scenes ("bauges") or blocks ("bauges/0,2": column and row of blocks from 0) of each part; `*` stands for anything.
struct RasterPartOptions {
  std::vector<std::string> train, validation, test;
  void fields(Fields& f);
};

struct RasterOptions {
  std::string root;
  std::vector<std::string> scenes;
  Node inputs;  ///< list of RasterInputOptions; resolved when it is read
  Node layers;  ///< name → RasterLayerOptions; resolved when it is read
  std::string georeference = "check";
  RasterTileOptions tiling;  // its options stand directly among these
  RasterPartOptions parts;
  NormalizeOptions normalize;
  int64_t cache_mb = 1024;
  void fields(Fields& f);

  std::vector<RasterInputOptions> input_list() const;
  std::vector<std::pair<std::string, RasterLayerOptions>> layer_list() const;
};

}  // namespace polytask
