#pragma once
#include <polytask/allometry/accumulator.h>
#include <polytask/allometry/law.h>
#include <polytask/allometry/mixed_model.h>
#include <polytask/solvers/matrix.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace polytask {

enum class Pooling { none, partial, complete };
std::string to_text(Pooling pooling);
/// Throws InputError that starts with `where` for a text that is none.
Pooling pooling_named(const std::string& text, const std::string& where);

struct FitOptions {
  Pooling pooling = Pooling::partial;
  bool reml = true;              ///< of partial pooling; false: maximum likelihood
  std::optional<double> centre;  ///< log H about which random effects are reported; absent: the mean of log H
};

/// A law's parameters for one genus, or for all, and how well the rows determine them.
struct Curve {
  std::vector<double> parameters;  ///< in the law's order, shape included; empty: not estimable
  std::string problem;             ///< why not
  Matrix covariance;  ///< of the coefficients (without the shape), uncentred; NaN where nothing is left to judge by.
                      ///< Partial pooling: conditional, of the predicted random effect, as lme4's postVar; of a
                      ///< third coefficient, which is fixed, the variance alone
  int64_t n = 0;
  double sigma = 0;                ///< residual standard deviation in log space
  double rss = 0, r2 = 0;          ///< of its own rows under these parameters; r2 NaN where all are equal
  double lowest = 0, highest = 0;  ///< log H
  bool estimable() const { return problem.empty(); }
  double standard_error(int64_t coefficient) const;
};

/// A law fitted to rows of several genera.
struct Fit {
  const Law* law = nullptr;
  FitOptions options;
  std::vector<Curve> genera;  ///< in the accumulator's order
  Curve all;                  ///< the pooled line, or the fixed effects
  int64_t n = 0;
  double shape = 0;           ///< the law's shape parameter, one for all genera
  bool shape_at_end = false;  ///< no other candidate lay beyond it
  double centre = 0;
  double deviance = 0;    ///< −2 log-likelihood; restricted for REML
  int64_t estimated = 0;  ///< how many numbers it estimates, σ and the shape included
  double log_likelihood() const { return -deviance / 2; }
  double aic() const { return deviance + 2 * static_cast<double>(estimated); }
  double bic() const;

  // Of partial pooling alone.
  Symmetric2 centred, uncentred;  ///< covariance of random intercept and slope, at the centre and at log H = 0
  Matrix fixed_at_centre;         ///< covariance of the fixed effects there
  double intercept_at_centre = 0;
  bool singular = false;
  std::optional<RelativeFactor> factor;  ///< where a fit of nearly the same rows may start
};

/// Pooling none: least squares for each genus; a genus whose rows do not determine every coefficient, or whose heights
/// differ by less than 0.1 %, is not estimable.
/// Likelihood and AIC are those of one σ for all genera. Complete: one line. Partial: the mixed model; random intercept
/// and slope, further coefficients fixed; a genus without rows gets the fixed effects.
///
/// The shape parameter (knot, k) is one for all genera, the accumulator's candidate with the highest likelihood (ML, as
/// restricted likelihoods of different columns do not compare), and counts as one more estimated number. Throws
/// InputError where there are no rows, or too few for partial or complete pooling.
Fit fit_law(const Accumulator& statistics, const FitOptions& options, const std::optional<RelativeFactor>& start = {});

}  // namespace polytask
