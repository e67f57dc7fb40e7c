#include <polytask/allometry/parameters.h>
#include <polytask/allometry/raster_observations.h>
#include <polytask/core/error.h>
#include <polytask/core/options.h>
#include <polytask/data/sources/raster_files.h>

#include <fmt/format.h>

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace polytask {
namespace {

constexpr int64_t kWindow = 256;

int64_t windows_of(const RasterGrid& grid) {
  return ((grid.width + kWindow - 1) / kWindow) * ((grid.height + kWindow - 1) / kWindow);
}

// The scenes for which the heights have a file. A pattern for one layer needs one for all.
std::vector<std::string> scenes_of(const RasterLayers& layers) {
  const bool patterns = names_scene(layers.height.file);
  for (const auto& [what, place] : {std::pair("genus", &layers.genus), std::pair("biomass", &layers.biomass)})
    if (names_scene(place->file) != patterns)
      throw InputError("--{} {}: write <scene> in the names of all three layers, or of none", what, place->file);
  auto scenes = find_scenes("", layers.height.file);
  if (scenes.empty()) throw InputError("--height: no file matches {}", layers.height.file);
  return scenes;
}

void check_unit(const std::string& what, const RasterFile& file, const BandReading& band, const std::string& expected) {
  const std::string& unit = file.bands()[static_cast<size_t>(band.band)].unit;
  if (!unit.empty() && !expected.empty() && canonical_unit(unit) != canonical_unit(expected))
    throw InputError("{}: the file says that its {} is in {}, not in {}", file.path().string(), what, unit, expected);
}

}  // namespace

RasterObservations::RasterObservations(const RasterLayers& layers)
    : layers_(layers),
      classes_(layers.classes.empty() ? Node() : Node::scalar_of(layers.classes, true), layers.ignore, "") {
  for (const auto& name : classes_.names()) numbers_of_names_.push_back(genera_.of(name));
  int64_t windows = 0;
  for (const auto& scene : scenes_of(layers_)) {
    open_scene(scene);
    windows += windows_of(scenes_.back().height.file.grid());
  }
  progress_ = std::make_unique<Progress>("reading rasters", windows, "windows");
}

RasterObservations::Layer RasterObservations::open(const std::string& what, const RasterPlace& place,
                                                   const std::string& scene) {
  const auto files =
      names_scene(place.file) ? scene_files("", place.file, scene) : std::vector<std::filesystem::path>{place.file};
  if (files.size() != 1)
    throw InputError("--{}: scene \"{}\" has {} {}: it must be one", what, scene,
                     files.empty() ? "no file" : fmt::format("{} files", files.size()), place.file);
  RasterFile file(files[0], handles_);
  BandReading band;
  band.band = file.band_named(place.band);
  return {std::move(file), band};
}

void RasterObservations::open_scene(const std::string& name) {
  Scene scene{name, open("genus", layers_.genus, name), open("height", layers_.height, name),
              open("biomass", layers_.biomass, name)};
  classes_.check_scene(name);
  const auto named = [](const char* what, const Layer& layer) {
    return NamedGrid{fmt::format("{} ({})", what, layer.file.path().string()), layer.file.grid()};
  };
  check_coregistered({named("height", scene.height), named("biomass", scene.biomass), named("genus", scene.genus)},
                     fmt::format("scene \"{}\"", name));
  check_unit("height", scene.height.file, scene.height.band, "m");
  check_unit("biomass", scene.biomass.file, scene.biomass.band, layers_.biomass_unit);
  groups_.of(name);
  scenes_.push_back(std::move(scene));
}

bool RasterObservations::next_window() {
  if (!windows_.empty() && ++window_ == windows_.size()) {
    windows_.clear();
    rows_.reset();
    ++scene_;
  }
  if (scene_ == scenes_.size()) return false;
  if (windows_.empty()) begin_scene();
  return true;
}

void RasterObservations::begin_scene() {
  const Scene& scene = scenes_[scene_];
  const std::vector<const RasterFile*> files = {&scene.genus.file, &scene.height.file, &scene.biomass.file};
  rows_ = std::make_unique<RasterRowCache>(files, kWindow);
  window_ = 0;
  for_each_window(scene.height.file.grid(), kWindow, kWindow,
                  [this](const RasterWindow& window) { windows_.push_back(window); });
}

int32_t RasterObservations::genus_of(float value) {
  if (!std::isfinite(value)) return -1;
  if (!classes_.empty()) return numbers_of_names_[static_cast<size_t>(value)];
  const auto [entry, is_new] = numbers_of_codes_.emplace(value, -1);
  const bool ignored = std::find(layers_.ignore.begin(), layers_.ignore.end(), value) != layers_.ignore.end();
  if (is_new && !ignored) entry->second = genera_.of(number_text(value));
  return entry->second;
}

bool RasterObservations::read(std::vector<Observation>& block) {
  block.clear();
  if (!next_window()) return false;
  const Scene& scene = scenes_[scene_];
  const RasterWindow& window = windows_[window_];
  const auto values = [&](const Layer& layer) { return layer.file.read({layer.band}, window)[0].contiguous(); };
  at::Tensor genus = values(scene.genus);
  const at::Tensor height = values(scene.height), biomass = values(scene.biomass);
  if (!classes_.empty())
    genus = classes_.to_indices(genus, scene.name, scene.genus.file.path().string(), window.x, window.y);
  const int32_t group = groups_.of(scene.name);
  block.resize(static_cast<size_t>(genus.numel()));
  for (size_t i = 0; i < block.size(); ++i)
    block[i] = {genus_of(genus.data_ptr<float>()[i]), group, static_cast<double>(height.data_ptr<float>()[i]),
                static_cast<double>(biomass.data_ptr<float>()[i])};
  progress_->update(++windows_read_);
  return true;
}

std::string RasterObservations::name() const {
  return scenes_.size() == 1 ? scenes_[0].height.file.path().string() : fmt::format("{} scenes", scenes_.size());
}

std::vector<std::string> RasterObservations::files() const {
  std::vector<std::string> files;
  for (const auto& scene : scenes_)
    for (const Layer* layer : {&scene.genus, &scene.height, &scene.biomass})
      files.push_back(layer->file.path().string());
  return files;
}

}  // namespace polytask
