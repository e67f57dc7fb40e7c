#pragma once
#include <polytask/allometry/moments.h>
#include <polytask/solvers/matrix.h>

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace polytask {

/// A symmetric 2 × 2 matrix: of the intercept, of intercept and slope, of the slope.
struct Symmetric2 {
  double aa = 0, ab = 0, bb = 0;
};

/// Relative covariance factor Λ = ((a, 0), (b, d)): the random effects' covariance is σ² Λ Λᵀ.
struct RelativeFactor {
  double a = 1, b = 0, d = 1;
};

/// What the other rows say of a genus: its predicted random effects and their conditional covariance.
struct RandomEffect {
  double intercept = 0, slope = 0;
  Symmetric2 covariance;
};

/// A genus's data about a centre, as the formulas below take them: Z = (1, u₁), e = y − X μ.
struct EffectData {
  Symmetric2 zz;            ///< ZᵀZ
  double ze0 = 0, ze1 = 0;  ///< Zᵀe
};

/// E(θ − μ) = T (I + ZᵀZ T/σ²)⁻¹ Zᵀe/σ² and its covariance T (I + ZᵀZ T/σ²)⁻¹: right for singular T as well, and T
/// itself where the genus has no rows.
RandomEffect predict_effect(const EffectData& data, const Symmetric2& t, double sigma2);

/// y = X μ + u + v u₁ + ε with a random intercept and slope (u, v) ~ N(0, T) for each genus, ε ~ N(0, σ²); X = (1, u₁)
/// or (1, u₁, u₂), all columns about `centre`.
struct MixedModel {
  std::vector<double> fixed;  ///< μ, at the centre
  Matrix fixed_covariance;
  Symmetric2 t;  ///< at the centre
  double sigma2 = 0;
  double deviance = 0;    ///< −2 log-likelihood, restricted for REML
  bool singular = false;  ///< a diagonal entry of Λ is below 1e-4: T is on the boundary
  RelativeFactor factor;
  std::vector<RandomEffect> effects;  ///< one a genus, in the order given
  int64_t evaluations = 0;            ///< of the profiled deviance
};

/// Maximum likelihood, or restricted maximum likelihood (`reml`), by the deviance that is profiled over μ and σ² (Bates
/// et al., Fitting linear mixed-effects models using lme4, J. Stat. Softw. 67, 2015, sections 2 and 3), in Λ alone:
/// some steps of EM, then Nelder and Mead's simplex on Λ's three numbers, which may have any sign, so that a variance
/// at zero is an inner point. Without a `start`, from the EM and from the identity; the better one counts. The cost is
/// that of the genera, not of the rows. Throws InputError for fewer than two genera with rows, or no more rows than
/// parameters.
MixedModel fit_mixed_model(const std::vector<Moments>& genera, int columns, const std::array<double, 2>& centre,
                           bool reml, const std::optional<RelativeFactor>& start = {});

}  // namespace polytask
