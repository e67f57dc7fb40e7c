#include <polytask/data/sources/forest_genera.h>
#include <polytask/data/sources/forest_scene.h>
#include <polytask/data/sources/smooth_field.h>

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace polytask {
namespace {

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
constexpr float kVolume = 100;                                // Mg/ha of V = 1
constexpr std::array<double, 2> kSoil_db = {-13.5, -22};      // VV, VH
constexpr std::array<float, 2> kAttenuation = {0.45F, 0.6F};  // per 100 Mg/ha
constexpr std::array<float, 2> kExponent = {0.12F, 0.2F};
constexpr double kTextureScale_px = 4, kCanopyScale_px = 2, kMoistureScale_px = 40;
constexpr double kReferenceHeight_m = 20;

float power_of(double decibels) { return static_cast<float>(std::pow(10, decibels / 10)); }

// Smooth fields over one part.
struct SmoothFields {
  std::vector<float> texture, canopy, moisture;
};

SmoothFields fields_over(uint64_t seed, int64_t x, int64_t y, int64_t size) {
  return {SmoothField(seed, "forest/texture", kTextureScale_px).over(x, y, size),
          SmoothField(seed, "forest/canopy", kCanopyScale_px).over(x, y, size),
          SmoothField(seed, "forest/moisture", kMoistureScale_px).over(x, y, size)};
}

// What all cells of a stand share.
struct StandFigures {
  float genus = kNone;
  float log_height = 0, log_biomass = 0, slope = 0;  // of the typical cell; d log B / d log H
  float roughness = 0;
  std::array<WaterCloud, 2> canopy;
};

StandFigures figures_of(const ForestSceneOptions& options, const ForestStand& stand) {
  StandFigures figures;
  if (stand.genus < 0) return figures;
  const ForestGenus& genus = forest_genera()[static_cast<size_t>(stand.genus)];
  const ForestLaw law = forest_cell_law(genus);
  const double log_height = std::log(stand.height_m);
  figures.genus = static_cast<float>(stand.genus);
  figures.log_height = static_cast<float>(log_height);
  figures.log_biomass = static_cast<float>(law.alpha + law.beta * log_height + stand.log_density);
  figures.slope = static_cast<float>(law.beta);
  // Taller crowns are coarser.
  const double coarseness = 0.4 + 0.6 * stand.height_m / kReferenceHeight_m;
  figures.roughness = static_cast<float>(options.roughness * genus.roughness * coarseness);
  for (size_t p = 0; p < 2; ++p) figures.canopy[p] = forest_canopy(stand.genus, static_cast<int64_t>(p));
  return figures;
}

}  // namespace

float forest_cosine(uint64_t seed) {
  Random random(seed, "forest/incidence");
  return static_cast<float>(std::cos(random.uniform(36, 42) * M_PI / 180));
}

float forest_soil(int64_t polarisation) { return power_of(kSoil_db[static_cast<size_t>(polarisation)]); }

WaterCloud forest_canopy(int64_t genus, int64_t polarisation) {
  const ForestGenus& of = forest_genera()[static_cast<size_t>(genus)];
  const auto p = static_cast<size_t>(polarisation);
  return {power_of(p == 0 ? of.vegetation_vv_db : of.vegetation_vh_db), kExponent[p], kAttenuation[p]};
}

ForestTruth forest_truth(const ForestSceneOptions& options, uint64_t seed, int64_t x, int64_t y, int64_t size) {
  const ForestStandMap map = map_stands(options.stands, seed, x, y, size);
  const SmoothFields fields = fields_over(seed, x, y, size);
  std::vector<StandFigures> stands;
  for (const auto& stand : map.stands) stands.push_back(figures_of(options, stand));
  const float cosine = forest_cosine(seed), texture = static_cast<float>(options.texture);
  const float residual = static_cast<float>(options.residual);
  const float moisture = static_cast<float>(options.moisture_db * std::log(10) / 10);
  const std::array<float, 2> soil = {forest_soil(0), forest_soil(1)};
  NormalStream noise(Random(seed, fmt::format("forest/residual/{}/{}", x, y)));

  const auto cells = static_cast<size_t>(size * size);
  ForestTruth truth{std::vector<float>(cells),
                    std::vector<float>(cells),
                    std::vector<float>(cells),
                    {std::vector<float>(cells), std::vector<float>(cells)}};
  for (size_t i = 0; i < cells; ++i) {
    const StandFigures& stand = stands[static_cast<size_t>(map.stand[i])];
    truth.genus[i] = stand.genus;
    float rough = 1;
    if (!std::isnan(stand.genus)) {
      const float taller = texture * fields.texture[i];
      truth.height_m[i] = std::exp(stand.log_height + taller);
      truth.biomass[i] = std::exp(stand.log_biomass + stand.slope * taller + residual * noise.normal());
      rough = std::exp(stand.roughness * (fields.canopy[i] - stand.roughness / 2));  // mean 1
    }
    const float wet = std::exp(moisture * fields.moisture[i]);
    for (size_t p = 0; p < 2; ++p) {
      WaterCloud canopy = stand.canopy[p];
      canopy.vegetation *= rough;
      truth.power[p][i] = water_cloud(canopy, truth.biomass[i] / kVolume, soil[p] * wet, cosine);
    }
  }
  return truth;
}

}  // namespace polytask
