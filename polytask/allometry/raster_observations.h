#pragma once
#include <polytask/allometry/observations.h>
#include <polytask/core/progress.h>
#include <polytask/data/sources/raster_classes.h>
#include <polytask/io/raster.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace polytask {

/// A band of a file, or of a file for each scene.
struct RasterPlace {
  std::string file;        ///< a path, or a pattern with `<scene>`
  std::string band = "1";  ///< by number, from 1, or by name
};

/// Which rasters hold what.
struct RasterLayers {
  RasterPlace genus, height, biomass;
  std::string classes;         ///< JSON file of codes and names as the source `raster` takes it; "": a code is the name
  std::vector<double> ignore;  ///< codes that are no genus
  std::string
      biomass_unit;  ///< what the user says the biomass is in; files that say otherwise are refused; "": anything
};

/// The cells of co-registered rasters, scene after scene, read by windows in bounded memory. Groups are the scenes, in
/// the order of their names. nodata is missing.
class RasterObservations : public Observations {
 public:
  /// Throws InputError for a file that is missing or no raster, a band that it has not, rasters of a scene that do not
  /// lie on the same pixels (which, and how), a scene that lacks a layer, heights not in m and biomass in another unit.
  explicit RasterObservations(const RasterLayers& layers);
  /// Also InputError, naming file, code and pixel, for a code that no genus has.
  bool read(std::vector<Observation>& block) override;
  bool single_precision() const override { return true; }
  std::string name() const override;
  /// Every file, in the order of reading.
  std::vector<std::string> files() const;

 private:
  struct Layer {
    RasterFile file;
    BandReading band;
  };
  struct Scene {
    std::string name;
    Layer genus, height, biomass;
  };

  Layer open(const std::string& what, const RasterPlace& place, const std::string& scene);
  void open_scene(const std::string& name);
  bool next_window();
  void begin_scene();
  int32_t genus_of(float value);

  RasterLayers layers_;
  RasterClasses classes_;
  std::shared_ptr<RasterHandles> handles_ = std::make_shared<RasterHandles>();
  std::vector<Scene> scenes_;
  size_t scene_ = 0, window_ = 0;
  std::unique_ptr<RasterRowCache> rows_;       // of the scene that is read
  std::vector<RasterWindow> windows_;          // of the scene that is read
  std::vector<int32_t> numbers_of_names_;      // among genera(), of each name of classes_
  std::map<float, int32_t> numbers_of_codes_;  // the same of each code, where there is no table of classes
  int64_t windows_read_ = 0;
  std::unique_ptr<Progress> progress_;
};

}  // namespace polytask
