#pragma once
#include <polytask/data/sources/forest_radar.h>
#include <polytask/data/sources/forest_stands.h>

#include <array>
#include <cstdint>
#include <vector>

namespace polytask {

constexpr double kForestCell_m = 25;  ///< width of a pixel

struct ForestSceneOptions {
  ForestStandOptions stands;
  double residual = 0.15;    ///< standard deviation of log biomass among a stand's cells
  double texture = 0.06;     ///< standard deviation of log height among a stand's cells
  double moisture_db = 1.5;  ///< standard deviation of the soil's backscatter, which varies slowly
  double roughness = 1;      ///< factor of every genus's roughness
};

/// A square part of a scene without speckle: size · size values each, row by row.
struct ForestTruth {
  std::vector<float> genus;                 ///< index into forest_genera(); NaN: open ground
  std::vector<float> height_m;              ///< 0: open ground
  std::vector<float> biomass;               ///< Mg/ha, 0: open ground
  std::array<std::vector<float>, 2> power;  ///< VV, VH, linear
};

/// What is at the part from column `x`, row `y` of the scene on. Heights are the stand's with a smooth texture; biomass
/// is forest_cell_law() of the height times exp(stand's deviation + cell's residual). A pure function of all arguments;
/// neighbouring parts fit together but for the residual, which is drawn for each part.
ForestTruth forest_truth(const ForestSceneOptions& options, uint64_t seed, int64_t x, int64_t y, int64_t size);

/// The incidence angle's cosine of a scene, between those of 36° and 42°.
float forest_cosine(uint64_t seed);

/// The canopy of a genus in polarisation 0 (VV) or 1 (VH), with V the biomass in 100 Mg/ha.
WaterCloud forest_canopy(int64_t genus, int64_t polarisation);

/// Backscatter of open ground of mean moisture, linear power.
float forest_soil(int64_t polarisation);

}  // namespace polytask
