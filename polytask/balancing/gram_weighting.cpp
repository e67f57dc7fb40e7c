#include <polytask/balancing/gram_weighting.h>

#include <numeric>
#include <utility>

namespace polytask {

GramState GramState::of(const std::vector<std::vector<double>>& rows, std::vector<double> losses) {
  const auto count = static_cast<int64_t>(rows.size());
  GramState state;
  state.gram.resize(count, count);
  for (int64_t i = 0; i < count; ++i)
    for (int64_t j = 0; j < count; ++j) {
      const auto& left = rows[static_cast<size_t>(i)];
      const auto& right = rows[static_cast<size_t>(j)];
      state.gram(i, j) = std::inner_product(left.begin(), left.end(), right.begin(), 0.0);
    }
  for (int64_t i = 0; i < count; ++i) state.tasks.push_back(i);
  state.losses = losses.empty() ? std::vector<double>(rows.size(), 1.0) : std::move(losses);
  state.task_count = count;
  return state;
}

}  // namespace polytask
