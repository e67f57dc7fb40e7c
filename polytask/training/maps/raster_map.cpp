#include <polytask/core/error.h>
#include <polytask/core/interrupt.h>
#include <polytask/core/progress.h>
#include <polytask/io/atomic_file.h>
#include <polytask/training/maps/map_tiles.h>
#include <polytask/training/maps/raster_map.h>

#include <fmt/format.h>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <future>
#include <limits>
#include <utility>

namespace polytask {
namespace {

using Group = std::vector<MapTile>;

// Tiles below the usual block are blocks themselves where that is possible, so that each is compressed once.
int64_t block_for(int64_t tile) {
  constexpr int64_t kBlock = 256, kUnit = 16;
  return tile < kBlock && tile % kUnit == 0 ? tile : kBlock;
}

RasterProduct describe(const MapProduct& product, const RasterGrid& grid, int64_t tile) {
  RasterProduct file;
  file.grid = grid;
  file.block = block_for(tile);
  file.bands.resize(1);
  file.bands[0].name = product.name;
  file.bands[0].unit = product.unit;
  file.nodata = -9999;
  if (product.class_names.empty()) return file;
  const bool few = product.class_names.size() <= 255;
  file.type = few ? "uint8" : "uint16";
  file.nodata = few ? 255 : 65535;
  for (size_t c = 0; c < product.class_names.size(); ++c)
    file.metadata[fmt::format("CLASS_{}", c)] = product.class_names[c];
  return file;
}

at::Tensor read_group(const RasterStack& scene, const Group& group) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> tiles;
  for (const auto& tile : group) tiles.push_back(scene.read(tile.read));
  return at::stack(tiles);
}

class MapWriter {
 public:
  MapWriter(const RasterStack& scene, const MapModel& model, const std::filesystem::path& directory,
            const MapOptions& options)
      : model_(model), options_(options) {
    make_directory(directory);
    const int64_t tile = round_up(options.tile, model.stride);
    for (const auto& product : model.products)
      files_.emplace_back(directory / (product.name + ".tif"), describe(product, scene.grid(), tile));
  }

  void add(const Group& group, const at::Tensor& raw) {
    const at::Tensor missing = options_.partial_input ? raw.isnan().all(1) : raw.isnan().any(1);
    const at::Tensor none = at::full({}, std::numeric_limits<float>::quiet_NaN(), at::kFloat);
    std::vector<at::Tensor> maps(files_.size(), none.expand_as(missing));
    if (!missing.all().item<bool>()) maps = checked(model_.predict(raw), missing);
    for (size_t p = 0; p < files_.size(); ++p) {
      const at::Tensor map = at::where(missing, none, maps[p].to(at::kFloat));
      for (size_t i = 0; i < group.size(); ++i) write(files_[p], group[i], map[static_cast<int64_t>(i)]);
    }
  }

  void finish() {
    for (auto& file : files_) file.complete();
    for (auto& file : files_) file.publish();
  }

 private:
  std::vector<at::Tensor> checked(std::vector<at::Tensor> maps, const at::Tensor& missing) const {
    for (size_t p = 0; p < maps.size(); ++p) {
      const at::Tensor bad = model_.products[p].gaps ? maps[p].isinf() : maps[p].isfinite().logical_not();
      if (bad.logical_and(missing.logical_not()).any().item<bool>())
        throw WorkError("map \"{}\": the model gives a value that is not finite", model_.products[p].name);
    }
    return maps;
  }

  static void write(RasterWriter& file, const MapTile& tile, const at::Tensor& map) {
    const int64_t top = tile.keep.y - tile.read.y, left = tile.keep.x - tile.read.x;
    file.write(map.narrow(0, top, tile.keep.height).narrow(1, left, tile.keep.width).unsqueeze(0), tile.keep.x,
               tile.keep.y);
  }

  const MapModel& model_;
  const MapOptions& options_;
  std::vector<RasterWriter> files_;
};

std::vector<const RasterFile*> files_of(const RasterStack& scene) {
  std::vector<const RasterFile*> files;
  for (const auto& part : scene.parts())
    for (const auto& file : part.files()) files.push_back(&file);
  return files;
}

}  // namespace

void write_maps(const RasterStack& scene, const MapModel& model, const std::filesystem::path& directory,
                const MapOptions& options) {
  const at::NoGradGuard no_grad;
  const auto groups = tile_groups(scene.grid(), options.tile, model.radius, model.stride, options.batch);
  const RasterRowCache cache(files_of(scene),
                             groups.front().front().read.height + round_up(model.radius, model.stride));
  MapWriter writer(scene, model, directory, options);
  int64_t tiles = 0, done = 0;
  for (const auto& group : groups) tiles += static_cast<int64_t>(group.size());
  Progress bar("map", tiles, "tiles");
  const auto ahead = [&](size_t g) { return std::async(std::launch::async, read_group, std::cref(scene), groups[g]); };
  auto next = ahead(0);
  for (size_t g = 0; g < groups.size(); ++g) {
    const at::Tensor raw = next.get();
    if (g + 1 < groups.size()) next = ahead(g + 1);
    writer.add(groups[g], raw);
    done += static_cast<int64_t>(groups[g].size());
    bar.update(done);
    if (interrupt_signal() != 0) throw Interrupted("interrupted: no map was written to " + directory.string());
  }
  writer.finish();
  bar.finish();
}

}  // namespace polytask
