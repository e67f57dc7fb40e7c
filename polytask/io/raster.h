#pragma once
#include <polytask/io/raster_grid.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// A band as its file describes it.
struct RasterBand {
  std::string name;              ///< "VV", or ""
  std::string unit;              ///< "m", or ""
  std::string type = "float32";  ///< of the stored numbers: uint8, int16, …
  std::optional<double> nodata;  ///< a stored number, before scale and offset
  double scale = 1, offset = 0;  ///< value = stored · scale + offset
};

/// A band to read, and what the file is wrong about or silent on.
struct BandReading {
  int64_t band = 0;                                      ///< from 0
  std::optional<double> nodata = {};                     ///< a stored number, in place of the file's
  std::optional<double> scale = {}, offset = {};         ///< in place of the file's
  std::optional<double> valid_min = {}, valid_max = {};  ///< values outside (after scale and offset) are missing
};

/// Open files of GDAL, which only one thread at a time may use: taken for one reading and given back. At most `idle` of
/// them stay open, whichever were used last. Thread-safe.
class RasterHandles {
 public:
  explicit RasterHandles(size_t idle = 32);
  ~RasterHandles();
  RasterHandles(const RasterHandles&) = delete;
  RasterHandles& operator=(const RasterHandles&) = delete;

  struct Pool;  ///< GDAL's part
  Pool& pool() const { return *pool_; }

 private:
  std::unique_ptr<Pool> pool_;
};

/// A raster file, GeoTIFF or whatever GDAL reads, read window by window, by any number of threads. GDAL prints nothing
/// and keeps at most 64 MB of decoded blocks, of all files together, and what a RasterRowCache adds.
class RasterFile {
 public:
  /// `handles` is shared by the files of a data set. Throws InputError where the file is missing or no raster, and
  /// where polytask was built without GDAL.
  explicit RasterFile(std::filesystem::path path, std::shared_ptr<RasterHandles> handles = nullptr);

  const std::filesystem::path& path() const { return path_; }
  const RasterGrid& grid() const { return grid_; }
  const std::vector<RasterBand>& bands() const { return bands_; }
  /// The band that a text names: its number from 1, as GDAL counts, or its name. InputError listing what there is.
  int64_t band_named(const std::string& text) const;

  /// float32 [bands, height, width], NaN where the stored number is nodata or not finite, where the file has a mask (of
  /// all bands or of that one) and that says so, and outside the valid range. Scale and offset are applied. Throws
  /// InputError naming the file where it is truncated or broken, and where the window is not inside it.
  at::Tensor read(const std::vector<BandReading>& bands, const RasterWindow& window) const;

  /// Bytes of the decoded blocks that `rows` rows of all bands need where blocks are as wide as the raster (strips), at
  /// most 256 MB; 0 for tiles.
  int64_t strip_bytes(int64_t rows) const;

 private:
  std::filesystem::path path_;
  std::shared_ptr<RasterHandles> handles_;
  RasterGrid grid_;
  std::vector<RasterBand> bands_;
};

/// As long as it lives, GDAL keeps more decoded blocks: those of `rows` rows of files that are read together, where
/// they are in strips, so that windows side by side do not decode them again each.
class RasterRowCache {
 public:
  /// A file counts once, however often it occurs.
  RasterRowCache(const std::vector<const RasterFile*>& files, int64_t rows);
  ~RasterRowCache();
  RasterRowCache(const RasterRowCache&) = delete;
  RasterRowCache& operator=(const RasterRowCache&) = delete;

 private:
  int64_t bytes_ = 0;
};

/// A GeoTIFF that is to be written.
struct RasterProduct {
  RasterGrid grid;
  std::string type = "float32";                 ///< float32, uint8 or uint16
  std::vector<RasterBand> bands;                ///< name and unit of each
  std::optional<double> nodata;                 ///< GeoTIFF has one for all bands
  std::map<std::string, std::string> metadata;  ///< texts by key, of the whole file
  int64_t block = 256;                          ///< side of the stored tiles, a multiple of 16
};

/// Writes a tiled GeoTIFF, compressed without loss (DEFLATE), as BigTIFF where it may become too large, window by
/// window in constant memory. The file appears under its name when it is published; until then it is a hidden one
/// beside it, which goes with the object. One thread at a time; windows of whole blocks are stored best. Throws
/// InputError with the system's reason.
class RasterWriter {
 public:
  RasterWriter(std::filesystem::path path, const RasterProduct& product);
  ~RasterWriter();
  RasterWriter(RasterWriter&&) noexcept;

  /// float [bands, height, width] at column x and row y; NaN becomes nodata.
  void write(const at::Tensor& values, int64_t x, int64_t y);
  /// Completes the file, which keeps its hidden name. Nothing can be written any more.
  void complete();
  /// Gives the file its name, after complete().
  void publish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace polytask
