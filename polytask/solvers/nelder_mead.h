#pragma once
#include <cstdint>
#include <functional>
#include <vector>

namespace polytask {

struct NelderMeadOptions {
  double step = 0.1;         ///< first simplex: x and x + step · max(|x_i|, 1) along each axis
  double tolerance = 1e-10;  ///< stops where the simplex' values differ by at most this · (1 + |best|) …
  double spread = 1e-7;      ///< … and its corners by at most this in every coordinate
  int64_t most_evaluations = 2000;
  int64_t most_restarts = 5;  ///< fresh simplexes around the best point, until one brings nothing
};

struct Minimum {
  std::vector<double> x;
  double value = 0;
  int64_t evaluations = 0;
  bool converged = false;
};

/// Minimises a continuous function of a few variables without derivatives by the simplex method of Nelder and Mead,
/// A simplex method for function minimization, The Computer Journal 7, 1965 (reflection 1, expansion 2, contraction and
/// shrinkage ½), restarted until a restart improves by less than the tolerance. Values that are not finite count as
/// infinitely high; the start must be finite.
Minimum minimise_nelder_mead(const std::function<double(const std::vector<double>&)>& function,
                             const std::vector<double>& start, const NelderMeadOptions& options = {});

}  // namespace polytask
