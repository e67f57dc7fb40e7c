#pragma once
#include <polytask/balancing/gram_balancer.h>
#include <polytask/core/random.h>

#include <balancing/support.h>
#include <gtest/gtest.h>
#include <solvers/gram_cases.h>

#include <cmath>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

using Rows = std::vector<std::vector<double>>;

/// A Gram weighting made from a section, and draws for it.
class GramMethod {
 public:
  GramMethod(const std::string& yaml, size_t tasks, uint64_t seed = 1)
      : balancer_(make_balancer(yaml, numbered_tasks(tasks))), random_(seed), draws_(random_) {}
  GramWeighting& weighting() { return dynamic_cast<GramBalancer&>(*balancer_).weighting(); }
  Draws& draws() { return draws_; }

  /// All T tasks, or those of `tasks` only.
  GramWeights weigh(const Rows& rows, std::vector<double> losses = {}, std::vector<int64_t> tasks = {}, size_t of = 0) {
    GramState gram = GramState::of(rows, std::move(losses));
    if (!tasks.empty()) gram.tasks = std::move(tasks);
    if (of != 0) gram.task_count = static_cast<int64_t>(of);
    const auto count = static_cast<size_t>(gram.task_count);
    LossState state = LossState::of(std::vector<double>(count, 0.0));
    state.present.assign(count, 0);
    for (size_t row = 0; row < gram.tasks.size(); ++row) {
      state.present[static_cast<size_t>(gram.tasks[row])] = 1;
      state.losses[static_cast<size_t>(gram.tasks[row])] = gram.losses[row];
    }
    state.draws = &draws_;
    return weighting().weigh(gram, state);
  }

 private:
  std::unique_ptr<Balancer> balancer_;
  Random random_;
  StreamDraws draws_;
};

/// Gᵀw
inline std::vector<double> combined(const Rows& rows, const std::vector<double>& w) {
  std::vector<double> direction(rows.front().size(), 0.0);
  for (size_t t = 0; t < rows.size(); ++t)
    for (size_t p = 0; p < direction.size(); ++p) direction[p] += w[t] * rows[t][p];
  return direction;
}

inline Rows independent_rows(size_t tasks, size_t columns, uint64_t seed) {
  RowsCase given;
  given.rows = static_cast<int64_t>(tasks);
  given.columns = given.rank = static_cast<int64_t>(columns);
  given.seed = seed;
  return make_rows(given);
}

inline double length_of(const std::vector<double>& values) { return std::sqrt(inner(values, values)); }

/// |a − b| ≤ relative · max(|a|, |b|) as vectors.
inline void expect_same(const std::vector<double>& a, const std::vector<double>& b, double relative) {
  ASSERT_EQ(a.size(), b.size());
  std::vector<double> difference(a.size());
  for (size_t i = 0; i < a.size(); ++i) difference[i] = a[i] - b[i];
  EXPECT_LE(length_of(difference), relative * std::max(length_of(a), length_of(b)));
}

}  // namespace polytask
