#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

/// log B = alpha + beta log H, natural logarithms, H in metres.
struct ForestLaw {
  double alpha = 0, beta = 0;
  double biomass(double height_m) const;
};

/// A genus of the synthetic forest.
struct ForestGenus {
  std::string name;
  double frequency;                           ///< share of the stands, relative to the other genera's
  ForestLaw tree;                             ///< of a single tree, B in kg
  double stems_ha;                            ///< trees per hectare of a stand of 20 m
  double max_height_m;                        ///< of a stand
  double vegetation_vv_db, vegetation_vh_db;  ///< backscatter of a dense canopy of 100 Mg/ha
  double roughness;                           ///< standard deviation of log canopy backscatter in a stand of 20 m
};

/// Twelve, the most frequent first. Tree laws are those of a partially pooled fit (random intercept and slope per
/// genus, REML, trees of 5 m and above) to the Biomass And Allometry Database: Falster et al. 2015, Ecology 96:1445.
const std::vector<ForestGenus>& forest_genera();

/// Trees per hectare at the height: stems_ha · (H / 20 m)^−1.6, the slope of Reineke's rule (J. Agric. Res. 46:627,
/// 1933) with diameters in proportion to heights. `height_m` > 0.
double forest_stems_ha(const ForestGenus& genus, double height_m);

/// The law of a cell of such a stand, B in Mg/ha: the tree's law times the stems. Its slope is 1.6 below the tree's.
ForestLaw forest_cell_law(const ForestGenus& genus);

}  // namespace polytask
