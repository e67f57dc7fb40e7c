#include <polytask/data/sources/forest_genera.h>

#include <cmath>

namespace polytask {
namespace {

constexpr double kThinning = 1.6;
constexpr double kReferenceHeight_m = 20;
constexpr double kKgPerMg = 1000;

}  // namespace

double ForestLaw::biomass(double height_m) const { return std::exp(alpha + beta * std::log(height_m)); }

const std::vector<ForestGenus>& forest_genera() {
  static const std::vector<ForestGenus> all = {
      {"Pinus", 26, {-2.6460, 2.6300}, 750, 28, -9.6, -15.9, 0.12},
      {"Picea", 22, {-3.4884, 3.2412}, 400, 33, -10.4, -15.2, 0.05},
      {"Fagus", 17, {-5.6004, 3.9468}, 330, 31, -8.7, -14.6, 0.22},
      {"Quercus", 12, {-3.8920, 3.2411}, 420, 28, -8.9, -15.9, 0.34},
      {"Betula", 8, {-5.5250, 3.6024}, 650, 25, -9.2, -13.6, 0.16},
      {"Abies", 5, {-3.3489, 3.0817}, 480, 34, -10.9, -16.2, 0.26},
      {"Larix", 4, {-3.1789, 2.8019}, 680, 32, -9.9, -14.4, 0.18},
      {"Acer", 3, {-5.5754, 3.7737}, 420, 26, -8.4, -14.2, 0.28},
      {"Alnus", 2.5, {-3.9048, 3.1112}, 550, 24, -9.0, -13.6, 0.10},
      {"Populus", 2, {-5.5706, 3.5049}, 850, 30, -8.2, -13.4, 0.08},
      {"Carpinus", 1.5, {-4.7136, 3.3121}, 650, 22, -9.1, -14.8, 0.14},
      {"Castanea", 1, {-3.3315, 3.1229}, 380, 24, -8.7, -15.0, 0.30},
  };
  return all;
}

double forest_stems_ha(const ForestGenus& genus, double height_m) {
  return genus.stems_ha * std::pow(height_m / kReferenceHeight_m, -kThinning);
}

ForestLaw forest_cell_law(const ForestGenus& genus) {
  const double stems = std::log(genus.stems_ha) + kThinning * std::log(kReferenceHeight_m);
  return {genus.tree.alpha + stems - std::log(kKgPerMg), genus.tree.beta - kThinning};
}

}  // namespace polytask
