#include <polytask/core/error.h>
#include <polytask/data/sources/column_set.h>
#include <polytask/data/sources/forest.h>
#include <polytask/data/sources/forest_genera.h>
#include <polytask/data/sources/normalize.h>
#include <polytask/data/sources/sources.h>

#include <fmt/format.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>

namespace polytask {
namespace {

constexpr int64_t kFittedRows = 500;
constexpr double kCloudScale_px = 12;
constexpr float kNone = std::numeric_limits<float>::quiet_NaN();

}  // namespace

void ForestOptions::fields(Fields& f) {
  const auto genera = static_cast<double>(forest_genera().size());
  f.field("count", count, "number of tiles", between(1, 1e6));
  f.field("size", size, "height and width of the tiles, cells of 25 m", between(8, 1024));
  f.field("scene_tiles", scene_tiles, "tiles along a side of a scene; split by `group: scene`", between(1, 1024));
  f.field("classes", classes, "number of genera, the most frequent first", between(2, genera));
  f.field("seed", seed, "what the scenes are drawn from; -1: the experiment's seed", at_least(-1));
  f.field("stand_m", stand_m, "mean width of a stand, metres", between(75, 10000));
  f.field("stand_noise", stand_noise, "standard deviation of log stem density among stands of a genus and height",
          between(0, 2));
  f.field("residual", residual, "standard deviation of log biomass among the cells of a stand", between(0, 2));
  f.field("open", open, "share of the stands that are open ground: no genus, height and biomass 0", between(0, 0.9));
  f.field("looks", looks, "looks that the speckle is averaged over", between(1, 1000));
  f.field("moisture_db", moisture_db, "standard deviation of the soil's backscatter, dB", between(0, 10));
  f.field("texture", texture, "factor of the canopies' texture in the backscatter", between(0, 3));
  f.field("gaps", gaps, "share of the tiles whose picture has a gap: a rectangle or a streak", between(0, 1));
  f.field("unlabelled", unlabelled, "share of the cells without a label in a layer, in clouds", between(0, 0.95));
  f.field("domain", domain, "of the backscatter: decibels, or linear power", one_of({"db", "linear"}));
  f.field("cache_mb", cache_mb, "memory for tiles that were made, MB; those beyond it are made anew at each reading",
          at_least(0));
}

ForestSceneOptions ForestOptions::scene() const {
  ForestSceneOptions scene;
  scene.stands = {classes, stand_m / kForestCell_m, open, stand_noise};
  scene.residual = residual;
  scene.moisture_db = moisture_db;
  scene.roughness = texture;
  return scene;
}

ForestSource::ForestSource(const ForestOptions& options, uint64_t seed)
    : options_(options),
      seed_(options.seed < 0 ? seed : static_cast<uint64_t>(options.seed)),
      clouds_(options.unlabelled, kCloudScale_px),
      cache_(options.count, options.cache_mb) {}

Column ForestSource::column(const std::string& name) const {
  require_known(name, column_names(), "forest");
  Column column;
  for (int64_t row = 0; row < size(); ++row) {
    const int64_t value = name == "scene"   ? scene_of(row)
                          : name == "block" ? block_of(row)
                          : name == "x"     ? x_of(row)
                                            : y_of(row);
    column.numbers.push_back(static_cast<double>(value));
  }
  return column;
}

std::vector<InputSpec> ForestSource::inputs() const {
  InputSpec image;
  image.name = "image";
  image.shape = {2, options_.size, options_.size};
  return {image};
}

std::vector<LayerSpec> ForestSource::layers() const {
  LayerSpec genus{"genus", {}, ""};
  for (int64_t g = 0; g < options_.classes; ++g)
    genus.class_names.push_back(forest_genera()[static_cast<size_t>(g)].name);
  return {genus, {"height", {}, "m"}, {"biomass", {}, "Mg/ha"}};
}

uint64_t ForestSource::scene_seed(int64_t row) const {
  return stream_seed(seed_, fmt::format("forest/scene/{}", scene_of(row)));
}

ForestTruth ForestSource::truth(int64_t row) const {
  if (row < 0 || row >= size()) throw InputError("row {} does not exist: there are {}", row, size());
  return forest_truth(options_.scene(), scene_seed(row), x_of(row), y_of(row), options_.size);
}

void ForestSource::observe(int64_t row, const ForestTruth& truth, float* out) const {
  Speckle speckle(options_.looks, Random(seed_, fmt::format("forest/speckle/{}", row)));
  for (const auto& power : truth.power)
    for (const float value : power) *out++ = value * speckle.draw();
}

void ForestSource::label(int64_t row, const ForestTruth& truth, float* out) const {
  const auto below = [&](const char* layer) {
    return clouds_.over(scene_seed(row), layer, x_of(row), y_of(row), options_.size);
  };
  const auto genus_gap = below("genus"), structure_gap = below("structure");
  const size_t cells = genus_gap.size();
  for (size_t i = 0; i < cells; ++i) {
    out[i] = genus_gap[i] != 0 ? kNone : truth.genus[i];
    out[cells + i] = structure_gap[i] != 0 ? kNone : truth.height_m[i];
    out[2 * cells + i] = structure_gap[i] != 0 ? kNone : truth.biomass[i];
  }
}

at::Tensor ForestSource::make(int64_t row) const {
  const ForestTruth behind = truth(row);
  const int64_t side = options_.size;
  at::Tensor planes = at::empty({5, side, side}, at::kFloat);
  observe(row, behind, planes.data_ptr<float>());
  at::Tensor image = planes.narrow(0, 0, 2);
  if (options_.domain == "db") image.log10_().mul_(10);
  Random random(seed_, fmt::format("forest/gap/{}", row));
  if (random.uniform() < options_.gaps) {
    const auto gap = draw_picture_gap(side, random);
    for (size_t i = 0; i < gap.size(); ++i)
      if (gap[i] != 0)
        for (size_t p = 0; p < 2; ++p) planes.data_ptr<float>()[p * gap.size() + i] = kNone;
  }
  label(row, behind, planes.data_ptr<float>() + 2 * side * side);
  return planes;
}

at::Tensor ForestSource::planes(c10::ArrayRef<int64_t> rows) const {
  return cache_.read(rows, [this](int64_t row) { return make(row); });
}

at::Tensor ForestSource::read(int64_t, c10::ArrayRef<int64_t> rows) const {
  return planes(rows).narrow(1, 0, 2).contiguous();
}

at::Tensor ForestSource::read_layer(int64_t layer, c10::ArrayRef<int64_t> rows) const {
  return planes(rows).select(1, 2 + layer).contiguous();
}

std::vector<Preprocess> ForestSource::fit(const std::vector<int64_t>& train_rows) {
  const auto read_rows = [this](c10::ArrayRef<int64_t> rows) { return read(0, rows); };
  return {fit_normalize({}, inputs()[0], 1, train_rows, read_rows, kFittedRows)};
}

std::string ForestSource::row_name(int64_t row) const {
  return fmt::format("forest scene {} block {}", scene_of(row), block_of(row));
}

std::vector<std::pair<std::string, std::string>> ForestSource::fingerprints() const {
  const auto& o = options_;
  return {
      {"forest", fmt::format("seed {}, {} tiles of {}² cells, {}² a scene, {} genera, stands of {} m, noise {}, "
                             "residual {}, open {}, {} looks, moisture {} dB, texture {}, gaps {}, unlabelled {}, {}",
                             seed_, o.count, o.size, o.scene_tiles, o.classes, o.stand_m, o.stand_noise, o.residual,
                             o.open, o.looks, o.moisture_db, o.texture, o.gaps, o.unlabelled, o.domain)}};
}

void register_forest(SourceRegistry& registry) {
  registry.add<ForestOptions>(
      "forest",
      "A made forest seen by radar (VV and VH with speckle): genus, height and biomass of every cell of 25 m, known "
      "exactly",
      "", [](const ForestOptions& options, const OpenRequest& request) -> std::unique_ptr<Source> {
        if (!request.paths.empty())
          throw InputError(
              "the source forest makes its tiles and reads no files such as {}: train on files (polytask data make "
              "forest) with the source raster",
              request.paths.front());
        return std::make_unique<ForestSource>(options, request.seed);
      });
}

}  // namespace polytask
