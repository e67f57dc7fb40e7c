#pragma once
#include <polytask/allometry/correction.h>
#include <polytask/training/session.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// What a set of a law's parameters makes of a model's predictions.
struct AllometryFigures {
  double residual = 0;  ///< the coupling's raw value, as evaluation logs it
  double rmse = 0;      ///< of the biomass that the law gives for the predicted height and genera; NaN: no labels
  double bias = 0;      ///< mean of that biomass − the true one
};

/// One parameter of a genus moved, all others as fitted.
struct ParameterSwing {
  static constexpr std::array<double, 4> kSteps = {-2, -1, 1, 2};  ///< in standard errors
  std::string parameter;
  double standard_error = 0;
  std::array<AllometryFigures, 4> at;
};

struct GenusSensitivity {
  std::string name;                     ///< "all genera" where one line is fitted to all
  double share = 0;                     ///< mean predicted probability where the law applies
  std::vector<AllometryFigures> draws;  ///< its parameters alone drawn, jointly from their covariance
  std::vector<ParameterSwing> swings;   ///< one for each coefficient
};

struct AllometrySensitivity {
  std::string coupling, law, biomass_unit;
  std::string correction;  ///< by which biomass was converted
  double min_height_m = 0;
  int64_t rows = 0;
  int64_t pixels = 0;    ///< with data and a predicted height above the threshold
  int64_t compared = 0;  ///< of those, with a true biomass
  AllometryFigures fitted;
  double head_rmse = 0, head_bias = 0;   ///< of the biomass that the model itself predicts, on the compared pixels
  std::vector<AllometryFigures> draws;   ///< the parameters of all genera drawn
  std::vector<GenusSensitivity> genera;  ///< those that have a covariance
  std::vector<std::string> fixed;        ///< those that have none and stay as fitted
};

struct SensitivityOptions {
  std::string coupling;  ///< "": the only allometric one
  int64_t draws = 200;
  uint64_t seed = 1;                       ///< of the random streams "sensitivity/<genus>"
  std::optional<Correction> correction{};  ///< of the converted biomass; not given: the coupling's own
};

/// How far a trained model's allometric residual, and the error of biomass converted from its heights and genera,
/// depend on parameters that are known to within their standard errors. Parameters are drawn from N(fitted,
/// covariance), genera independently of each other (one line for all where pooling is complete); a shape parameter
/// stays as fitted, and in draws so does a third coefficient whose covariance with the others is not known (partial
/// pooling).
/// The residual is the one that training knows; biomass is exp(log B), the median, times the correction's factor.
///
/// The network sees every row once; memory does not depend on the number of rows: the residual of any parameters comes
/// from sums of squares and products, as the laws are linear in their coefficients, and biomass is converted under all
/// of them batch by batch. Throws InputError where no parameter has an uncertainty (scalars), where the law applies to
/// no pixel, and where the factor of a genus is not known.
AllometrySensitivity allometry_sensitivity(Session& session, const std::vector<int64_t>& rows,
                                           const SensitivityOptions& options);

}  // namespace polytask
