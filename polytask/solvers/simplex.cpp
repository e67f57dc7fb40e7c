#include <polytask/solvers/simplex.h>

#include <algorithm>

namespace polytask {

void project_to_simplex(double* values, int64_t n) {
  if (n <= 0) return;
  // A common shift changes nothing, and what lies 1 or more below the greatest value ends at 0.
  const double greatest = *std::max_element(values, values + n);
  for (int64_t i = 0; i < n; ++i) values[i] -= greatest;
  double threshold = -1;
  int64_t kept = n + 1;
  while (true) {
    double sum = 0;
    int64_t count = 0;
    for (int64_t i = 0; i < n; ++i) {
      if (!(values[i] > threshold)) continue;
      sum += values[i];
      ++count;
    }
    if (count >= kept || count == 0) break;  // rounding may bring one back that stands at the threshold
    kept = count;
    threshold = (sum - 1) / static_cast<double>(count);
  }
  for (int64_t i = 0; i < n; ++i) values[i] = std::max(values[i] - threshold, 0.0);
}

void project_to_simplex(std::vector<double>& values) {
  project_to_simplex(values.data(), static_cast<int64_t>(values.size()));
}

}  // namespace polytask
