#include <polytask/allometry/moments.h>

namespace polytask {

void Moments::merge(const Moments& other) {
  if (other.n_ == 0) return;
  const auto mine = static_cast<double>(n_), theirs = static_cast<double>(other.n_), all = mine + theirs;
  std::array<double, 3> delta{};
  for (size_t i = 0; i < 3; ++i) delta[i] = other.mean_[i] - mean_[i];
  size_t at = 0;
  for (size_t i = 0; i < 3; ++i)
    for (size_t j = i; j < 3; ++j, ++at) sums_[at] += other.sums_[at] + delta[i] * delta[j] * (mine * theirs / all);
  for (size_t i = 0; i < 3; ++i) mean_[i] += delta[i] * (theirs / all);
  n_ += other.n_;
}

}  // namespace polytask
