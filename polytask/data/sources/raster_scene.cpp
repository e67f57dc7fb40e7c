#include <polytask/core/error.h>
#include <polytask/core/log.h>
#include <polytask/data/sources/raster_files.h>
#include <polytask/data/sources/raster_scene.h>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace polytask {
namespace {

namespace fs = std::filesystem;
using Paths = std::vector<fs::path>;

// Several scenes need a pattern that tells them apart.
void check_patterns(const std::vector<RasterInputOptions>& inputs, const std::vector<RasterLayer>& layers,
                    size_t scenes) {
  const auto check = [scenes](const std::string& file, const std::string& what) {
    if (scenes > 1 && !names_scene(file))
      throw InputError(
          "{}: \"{}\" would be the same file for all {} scenes: write <scene> where the name of the scene stands", what,
          file, scenes);
  };
  for (const auto& input : inputs) check(input.file, "data.inputs");
  for (const auto& layer : layers) check(layer.options.file, "data.layers." + layer.name);
}

std::vector<Paths> input_files(const RasterOptions& options, const std::vector<RasterInputOptions>& inputs,
                               const std::string& scene) {
  std::vector<Paths> files;
  for (const auto& input : inputs) {
    files.push_back(scene_files(options.root, input.file, scene));
    if (files.back().empty())
      throw InputError("scene \"{}\": there is no file {}", scene, (fs::path(options.root) / input.file).string());
  }
  return files;
}

// The scene's file of a layer; none where it has none.
std::optional<RasterBands> open_layer(const RasterOptions& options, const RasterLayer& layer, const std::string& scene,
                                      const std::shared_ptr<RasterHandles>& handles) {
  const Paths found = scene_files(options.root, layer.options.file, scene);
  if (found.empty()) return std::nullopt;
  if (found.size() > 1)
    throw InputError("data.layers.{}: scene \"{}\" has several files {}: a layer is one file", layer.name, scene,
                     layer.options.file);
  layer.classes.check_scene(scene);
  RasterInputOptions reading;
  reading.bands = {layer.options.band};
  reading.reading = layer.options.reading;
  return RasterBands(reading, found, handles, options.georeference == "size");
}

NamedGrid named_grid(const std::string& name, const RasterFile& file) {
  return {fmt::format("{} ({})", name, file.path().string()), file.grid()};
}

RasterScene open_one(const RasterOptions& options, const std::vector<RasterLayer>& layers, const std::string& name,
                     const std::shared_ptr<RasterHandles>& handles) {
  const bool size_only = options.georeference == "size";
  const std::string where = fmt::format("scene \"{}\"", name);
  const auto inputs = options.input_list();
  RasterScene scene{name, RasterStack(inputs, input_files(options, inputs, name), where, handles, size_only), {}};
  std::vector<NamedGrid> grids = {named_grid("image", scene.stack.parts().front().file())};
  for (const auto& layer : layers) {
    scene.layers.push_back(open_layer(options, layer, name, handles));
    if (scene.layers.back()) grids.push_back(named_grid(layer.name, scene.layers.back()->file()));
  }
  check_coregistered(grids, where, size_only);
  return scene;
}

void check_layers(const RasterOptions& options, const std::vector<RasterLayer>& layers,
                  const std::vector<RasterScene>& scenes) {
  for (size_t l = 0; l < layers.size(); ++l) {
    const auto with =
        std::count_if(scenes.begin(), scenes.end(), [l](const auto& scene) { return scene.layers[l].has_value(); });
    if (with == 0)
      throw InputError("data.layers.{}: no scene has a file {}", layers[l].name,
                       (fs::path(options.root) / layers[l].options.file).string());
    if (with < static_cast<int64_t>(scenes.size()))
      log_info("data.layers.{}: {} of {} scenes have it", layers[l].name, with, scenes.size());
  }
}

void check_channels(const std::vector<RasterScene>& scenes) {
  for (const auto& scene : scenes)
    if (scene.stack.channels() != scenes[0].stack.channels())
      throw InputError("scene \"{}\" has {} bands of input, but \"{}\" has {}: name them in data.inputs (bands)",
                       scene.name, scene.stack.channels(), scenes[0].name, scenes[0].stack.channels());
}

}  // namespace

std::vector<RasterLayer> raster_layers(const RasterOptions& options) {
  std::vector<RasterLayer> layers;
  for (const auto& [name, layer] : options.layer_list())
    layers.push_back({name, layer, RasterClasses(layer.classes, layer.ignore, options.root)});
  return layers;
}

std::vector<RasterScene> open_scenes(const RasterOptions& options, const std::vector<RasterLayer>& layers,
                                     const std::shared_ptr<RasterHandles>& handles) {
  const auto inputs = options.input_list();
  const auto names = options.scenes.empty() ? find_scenes(options.root, inputs[0].file) : options.scenes;
  if (names.empty())
    throw InputError("data.inputs: no file matches {}", (fs::path(options.root) / inputs[0].file).string());
  check_patterns(inputs, layers, names.size());
  std::vector<RasterScene> scenes;
  scenes.reserve(names.size());
  for (const auto& name : names) scenes.push_back(open_one(options, layers, name, handles));
  check_layers(options, layers, scenes);
  check_channels(scenes);
  return scenes;
}

}  // namespace polytask
