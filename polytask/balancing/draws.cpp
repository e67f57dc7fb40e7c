#include <polytask/balancing/draws.h>

namespace polytask {

std::vector<int64_t> StreamDraws::order(const std::string&, int64_t n) { return random_.permutation(n); }

std::vector<double> StreamDraws::uniforms(const std::string&, int64_t n) {
  std::vector<double> values(static_cast<size_t>(n));
  for (double& value : values) value = random_.uniform();
  return values;
}

std::vector<double> StreamDraws::normals(const std::string&, int64_t n) {
  std::vector<double> values(static_cast<size_t>(n));
  for (double& value : values) value = random_.normal();
  return values;
}

}  // namespace polytask
