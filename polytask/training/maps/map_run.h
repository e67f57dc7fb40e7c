#pragma once
#include <polytask/training/maps/raster_map.h>
#include <polytask/training/session.h>

#include <filesystem>
#include <string>
#include <vector>

namespace polytask {

/// The maps of a trained model: `<task>` for every task with an output per pixel; of classes the most probable one, and
/// its probability as `<task>_probability`; `<coupling>_residual` for every coupling that has one, where all of its
/// tasks are mapped. Tasks without a map are left out, which is logged. `session` must outlive the result. Throws
/// InputError where there is no such task, where the model reads more than one picture, and where a map cannot be made
/// tile by tile (Model::receptive_field).
MapModel map_model(const Session& session);

/// Which scene is mapped by which run, and where to.
struct MapRequest {
  std::filesystem::path run;
  std::string checkpoint = "best";  ///< or "last"
  std::string device;               ///< "": the run's
  std::vector<std::string> scene;   ///< files as open_scene() takes them
  std::filesystem::path output;     ///< folder
  MapOptions options;
};

/// Maps a scene by a run whose data come from the source `raster` or `forest`, see write_maps(). Where a run of
/// `forest` has learnt from linear power, bands whose unit is dB are brought to power; others are taken as they are
/// written. The names of the files, in the order in which they were written.
std::vector<std::filesystem::path> map_scene(const MapRequest& request);

/// Whether the run maps scenes: its data come from the source `raster` or `forest`.
bool reads_rasters(const std::filesystem::path& run);

}  // namespace polytask
