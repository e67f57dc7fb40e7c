#include <polytask/balancing/gram/norm_clip.h>

#include <algorithm>
#include <cmath>

namespace polytask {

double direction_norm(const Matrix& gram, const std::vector<double>& w) {
  double square = 0;
  for (int64_t i = 0; i < gram.rows(); ++i)
    for (int64_t j = 0; j < gram.cols(); ++j)
      square += w[static_cast<size_t>(i)] * gram(i, j) * w[static_cast<size_t>(j)];
  return std::sqrt(std::max(square, 0.0));
}

double clip_factor(const Matrix& gram, const std::vector<double>& w, double max_norm) {
  if (max_norm == 0) return 1;
  const double norm = direction_norm(gram, w);
  return norm > max_norm ? max_norm / norm : 1;
}

std::vector<double> head_weights(const std::vector<double>& w) {
  std::vector<double> heads = w;
  std::replace(heads.begin(), heads.end(), 0.0, 1.0);
  return heads;
}

}  // namespace polytask
