#pragma once
#include <polytask/data/sources/raster_classes.h>
#include <polytask/data/sources/raster_options.h>
#include <polytask/data/sources/raster_stack.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// Labels per pixel that a data set has.
struct RasterLayer {
  std::string name;
  RasterLayerOptions options;
  RasterClasses classes;
};

/// The open files of a scene.
struct RasterScene {
  std::string name;
  RasterStack stack;
  std::vector<std::optional<RasterBands>> layers;  ///< where the scene has a file of the layer
};

/// The layers that the options name, with their tables of classes.
std::vector<RasterLayer> raster_layers(const RasterOptions& options);

/// The scenes that the options name, in order. Throws InputError where there is none, where one lacks a file of the
/// inputs, where no scene at all has a layer, where the files of a scene are not co-registered, and where scenes differ
/// in their number of channels.
std::vector<RasterScene> open_scenes(const RasterOptions& options, const std::vector<RasterLayer>& layers,
                                     const std::shared_ptr<RasterHandles>& handles);

}  // namespace polytask
