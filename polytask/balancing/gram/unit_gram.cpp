#include <polytask/balancing/gram/unit_gram.h>

#include <algorithm>
#include <cmath>

namespace polytask {

void unit_gram(const Matrix& gram, Matrix& units, std::vector<double>& norms) {
  const int64_t n = gram.rows();
  units.resize(n, n);
  norms.resize(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) norms[static_cast<size_t>(i)] = std::sqrt(std::max(0.0, gram(i, i)));
  for (int64_t i = 0; i < n; ++i) {
    const double left = norms[static_cast<size_t>(i)];
    if (!(left > 0)) continue;
    units(i, i) = 1;
    for (int64_t j = 0; j < i; ++j) {
      const double right = norms[static_cast<size_t>(j)];
      if (!(right > 0)) continue;
      units(i, j) = units(j, i) = std::clamp(gram(i, j) / left / right, -1.0, 1.0);
    }
  }
}

}  // namespace polytask
