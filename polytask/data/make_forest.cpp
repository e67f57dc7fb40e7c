#include <polytask/core/error.h>
#include <polytask/core/progress.h>
#include <polytask/data/make_forest.h>
#include <polytask/data/sources/forest.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/json.h>
#include <polytask/io/raster.h>

#include <fmt/format.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <utility>

namespace polytask {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kTile = 256;
constexpr double kNodata = -9999;
constexpr int64_t kScenesInARow = 20;
constexpr double kGapBetweenScenes_m = 10000;
constexpr double kWest_m = 300000, kNorth_m = 5700000;

constexpr const char* kUtm32 =
    R"(PROJCS["WGS 84 / UTM zone 32N",GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,)"
    R"(AUTHORITY["EPSG","7030"]],AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],)"
    R"(UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AUTHORITY["EPSG","4326"]],)"
    R"(PROJECTION["Transverse_Mercator"],PARAMETER["latitude_of_origin",0],PARAMETER["central_meridian",9],)"
    R"(PARAMETER["scale_factor",0.9996],PARAMETER["false_easting",500000],PARAMETER["false_northing",0],)"
    R"(UNIT["metre",1,AUTHORITY["EPSG","9001"]],AXIS["Easting",EAST],AXIS["Northing",NORTH],)"
    R"(AUTHORITY["EPSG","32632"]])";

// How scenes are cut into tiles, which are made one by one.
struct Tiling {
  int64_t size = 0, tile = 0, along = 0;  // cells of a scene and of a tile along a side; tiles along it
  explicit Tiling(int64_t scene) : size(scene), tile(std::min(scene, kTile)), along((scene + tile - 1) / tile) {}
  int64_t of_scene() const { return along * along; }
};

ForestSource open_tiles(const MakeOptions& options, const Tiling& tiling) {
  Node node = Node::map_of();
  const auto set = [&node](const char* key, int64_t value, const char* path) {
    node.set(key, Node::scalar_of(std::to_string(value))).path = path;
  };
  set("count", options.count * tiling.of_scene(), "count");
  set("size", tiling.tile, "size");
  set("scene_tiles", tiling.along, "size");
  return {read_options<ForestOptions>(node), options.seed};
}

RasterGrid grid_of(int64_t scene, int64_t size) {
  const double step = static_cast<double>(size) * kForestCell_m + kGapBetweenScenes_m;
  const int64_t column = scene % kScenesInARow, row = scene / kScenesInARow;
  RasterGrid grid;
  grid.width = grid.height = size;
  grid.transform = {kWest_m + static_cast<double>(column) * step,
                    kForestCell_m,
                    0,
                    kNorth_m - static_cast<double>(row) * step,
                    0,
                    -kForestCell_m};
  grid.crs = kUtm32;
  return grid;
}

fs::path file_of(const fs::path& directory, int64_t scene, const std::string& what) {
  return directory / fmt::format("scene_{:03}_{}.tif", scene, what);
}

RasterBand band(const std::string& name, const std::string& unit, const std::string& type = "float32") {
  RasterBand band;
  band.name = name;
  band.unit = unit;
  band.type = type;
  return band;
}

// The four files of one scene, written tile by tile.
class SceneFiles {
 public:
  SceneFiles(const fs::path& directory, int64_t scene, int64_t size)
      : radar_(file_of(directory, scene, "S1"), product(scene, size, {band("VV", "dB"), band("VH", "dB")})),
        genus_(file_of(directory, scene, "genus"), product(scene, size, {band("genus", "", "uint8")})),
        height_(file_of(directory, scene, "height"), product(scene, size, {band("height", "m")})),
        biomass_(file_of(directory, scene, "biomass"), product(scene, size, {band("biomass", "Mg/ha")})) {}

  // A tile as ForestSource makes it, from column x and row y on.
  void write(const at::Tensor& planes, int64_t x, int64_t y) {  // [5, height, width]
    radar_.write(planes.narrow(0, 0, 2), x, y);
    genus_.write(planes.narrow(0, 2, 1) + 1, x, y);
    height_.write(planes.narrow(0, 3, 1), x, y);
    biomass_.write(planes.narrow(0, 4, 1), x, y);
  }
  void finish() {
    for (RasterWriter* writer : writers()) writer->complete();
    for (RasterWriter* writer : writers()) writer->publish();
  }

 private:
  static RasterProduct product(int64_t scene, int64_t size, std::vector<RasterBand> bands) {
    RasterProduct product;
    product.grid = grid_of(scene, size);
    product.type = bands.front().type;
    product.nodata = product.type == "uint8" ? 0 : kNodata;
    product.bands = std::move(bands);
    return product;
  }

  std::array<RasterWriter*, 4> writers() { return {&radar_, &genus_, &height_, &biomass_}; }

  RasterWriter radar_, genus_, height_, biomass_;
};

std::string codes_json(const Source& source) {
  Node codes = Node::map_of();
  const LayerSpec genus = source.layers().front();
  int64_t code = 0;
  for (const auto& name : genus.class_names) codes.set(std::to_string(++code), Node::scalar_of(name, true));
  return write_json(codes, 2) + "\n";
}

// Of an earlier, larger set in the same directory.
void remove_scenes_from(const fs::path& directory, int64_t scene) {
  for (bool removed = true; removed; ++scene) {
    removed = false;
    for (const char* what : {"S1", "genus", "height", "biomass"})
      removed = fs::remove(file_of(directory, scene, what)) || removed;
  }
}

}  // namespace

void check_forest(const MakeOptions& options) {
  if (options.count < 1) throw InputError("count: {} is out of range: must be ≥ 1", options.count);
  if (options.size < 1) throw InputError("size: {} is out of range: must be ≥ 1", options.size);
  open_tiles(options, Tiling(options.size));
}

void write_forest(const MakeOptions& options) {
  const Tiling tiling(options.size);
  const ForestSource source = open_tiles(options, tiling);
  Progress progress("forest", source.size(), "tiles");
  for (int64_t scene = 0; scene < options.count; ++scene) {
    SceneFiles files(options.directory, scene, tiling.size);
    for (int64_t block = 0; block < tiling.of_scene(); ++block) {
      check_interrupt(options);
      const int64_t x = block % tiling.along * tiling.tile, y = block / tiling.along * tiling.tile;
      const int64_t row = scene * tiling.of_scene() + block;
      const at::Tensor planes = source.make(row);
      files.write(planes.slice(1, 0, tiling.size - y).slice(2, 0, tiling.size - x), x, y);
      progress.update(row + 1);
    }
    files.finish();
  }
  remove_scenes_from(options.directory, options.count);
  write_file_atomically(options.directory / "genera.json", codes_json(source));
}

}  // namespace polytask
