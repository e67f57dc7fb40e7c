#pragma once
#include <polytask/allometry/correction.h>
#include <polytask/allometry/law.h>
#include <polytask/core/node.h>
#include <polytask/solvers/matrix.h>

#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

/// A law's parameters for one genus, on the log (median) scale.
struct GenusParameters {
  std::string name;
  std::vector<double> values;  ///< in the law's order
  Matrix covariance;           ///< of the coefficients; [0, 0], or NaN entries, where it is not known
  std::string where;           ///< the place they come from, for messages
  BackTransform factors{};     ///< of the genus; of all rows where those are not known
};

/// What a parameter file says.
struct LawParameters {
  const Law* law = nullptr;
  std::string biomass_unit;  ///< "kg" (a tree), "t", "Mg/ha" (a raster cell)
  double min_height_m = 0;   ///< the fit saw heights of at least this
  std::string source;        ///< where they come from, for messages
  std::vector<GenusParameters> genera;
};

/// Reads the tree of a parameter file; `source` stands in messages. Checks law, units, heights and every number. Throws
/// InputError that names the place: a missing key, a value that is no finite number, an unknown law or another one than
/// `law` ("": any), a shape parameter that is not above 0.
LawParameters parse_parameters(const Node& root, const std::string& source, const std::string& law);

/// The parameters of the named classes, in their order. Throws InputError that lists every class without parameters,
/// or, where the law needs β > 0, those whose β is not, with their places.
std::vector<GenusParameters> parameters_of(const LawParameters& parameters, const std::vector<std::string>& classes);

/// Moves parameters from the median to the mean: α + log of each genus's factor. Throws InputError that lists every
/// genus whose factor is not known, saying `source`.
void correct(std::vector<GenusParameters>& genera, Correction correction, const std::string& source);

/// Throws InputError where parameters for biomass in one unit would be used for another.
void check_biomass_unit(const LawParameters& parameters, const std::string& unit, const std::string& used_by);

/// The unit by which to compare: "t/ha" is "Mg/ha".
std::string canonical_unit(const std::string& unit);

}  // namespace polytask
