#pragma once
#include <cstdint>

namespace polytask {

/// How a solver ended.
struct SolverStatus {
  bool solved = true;      ///< false: the method's documented fallback was used
  int64_t iterations = 0;  ///< of the outermost loop; 0 for closed forms
  double residual = 0;     ///< violation of the optimality conditions, relative; each solver says of what
};

}  // namespace polytask
