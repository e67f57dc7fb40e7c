#pragma once
#include <polytask/data/sources/raster_options.h>
#include <polytask/io/raster.h>

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace polytask {

/// Backscatter in dB → linear power, of any shape.
at::Tensor power_of_db(const at::Tensor& db);

/// Bands of one file, or of several alike that are averaged, read as the options say. Reading is thread-safe.
class RasterBands {
 public:
  /// `name` stands in messages ("input 1"). Throws InputError where a file is broken or lacks a band, and where files
  /// that are to be averaged do not lie on the same pixels.
  RasterBands(const RasterInputOptions& options, const std::vector<std::filesystem::path>& files,
              const std::shared_ptr<RasterHandles>& handles, bool size_only);

  int64_t count() const { return static_cast<int64_t>(bands_.front().size()); }
  const RasterFile& file() const { return files_.front(); }  ///< the first one
  const std::vector<RasterFile>& files() const { return files_; }
  /// The first file's description of the band at position `index` of those that are read.
  const RasterBand& band(int64_t index) const;

  /// float32 [bands, height, width], NaN where missing; backscatter in dB.
  at::Tensor read(const RasterWindow& window) const;

 private:
  at::Tensor average(const RasterWindow& window) const;

  RasterInputOptions options_;
  std::vector<RasterFile> files_;
  std::vector<std::vector<BandReading>> bands_;  // of each file
};

/// The channels that a model reads of one scene, in order, over all of its files. Reading is thread-safe.
class RasterStack {
 public:
  /// A scene of a data set: `files` for each entry of `inputs`, at least one. Throws InputError, beginning with
  /// `scene`, where files are not co-registered.
  RasterStack(const std::vector<RasterInputOptions>& inputs,
              const std::vector<std::vector<std::filesystem::path>>& files, const std::string& scene,
              const std::shared_ptr<RasterHandles>& handles, bool size_only);

  const RasterGrid& grid() const { return parts_.front().file().grid(); }
  int64_t channels() const;
  const std::vector<RasterBands>& parts() const { return parts_; }

  /// float32 [channels, height, width], NaN where missing, before any standardisation.
  at::Tensor read(const RasterWindow& window) const;

 private:
  std::vector<RasterBands> parts_;
};

/// A scene from the files that a user names for prediction, with the options that a run was trained with: a file for
/// each entry of `inputs`, in order; or one file, which holds all bands: in the run's places where all its inputs are
/// of one file, otherwise one after the other, and then no band more. Of a run that averages files (`*` in `file`):
/// any number of files, where all its inputs are of one pattern; otherwise a text with `*` for each entry. Throws
/// InputError that says what is expected.
RasterStack open_scene(const RasterOptions& options, const std::vector<std::string>& paths);

}  // namespace polytask
