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
/// and keeps at most 64 MB of decoded blocks, of all files together.
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

  /// float32 [bands, height, width], NaN where the stored number is nodata or not finite, where the file has a mask and
  /// that says so, and outside the valid range. Scale and offset are applied. Throws InputError naming the file where
  /// it is truncated or broken, and where the window is not inside it.
  at::Tensor read(const std::vector<BandReading>& bands, const RasterWindow& window) const;

  /// Where blocks are as wide as the raster (strips), lets GDAL keep as many decoded ones as `rows` rows need, up to
  /// 256 MB, so that windows side by side do not decode them again each.
  void keep_rows(int64_t rows) const;

 private:
  std::filesystem::path path_;
  std::shared_ptr<RasterHandles> handles_;
  RasterGrid grid_;
  std::vector<RasterBand> bands_;
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
/// window in constant memory. The file appears under its name when it is finished; until then it is a hidden one beside
/// it, which goes with the object. One thread at a time; windows of whole blocks are stored best. Throws InputError
/// with the system's reason.
class RasterWriter {
 public:
  RasterWriter(std::filesystem::path path, const RasterProduct& product);
  ~RasterWriter();
  RasterWriter(RasterWriter&&) noexcept;

  /// float [bands, height, width] at column x and row y; NaN becomes nodata.
  void write(const at::Tensor& values, int64_t x, int64_t y);
  /// Completes the file and gives it its name.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace polytask
