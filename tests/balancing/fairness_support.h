#pragma once
#include <polytask/balancing/gram_balancer.h>

#include <balancing/support.h>
#include <gtest/gtest.h>
#include <solvers/gram_cases.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

namespace polytask {

using TaskRows = std::vector<std::vector<double>>;

/// What the Gram weighting of a `balancing` section decides for rows of all tasks.
inline GramWeights weights_for(const std::string& yaml, const TaskRows& rows) {
  const auto balancer = make_balancer(yaml, numbered_tasks(rows.size()));
  auto& method = dynamic_cast<GramWeighting&>(balancer->method());
  return method.weigh(GramState::of(rows), LossState::of(std::vector<double>(rows.size(), 1.0)));
}

/// Gᵀw
inline std::vector<double> direction_of(const TaskRows& rows, const std::vector<double>& w) {
  std::vector<double> direction(rows.front().size(), 0.0);
  for (size_t k = 0; k < direction.size(); ++k) {
    long double sum = 0;
    for (size_t t = 0; t < rows.size(); ++t) sum += static_cast<long double>(w[t]) * rows[t][k];
    direction[k] = static_cast<double>(sum);
  }
  return direction;
}

/// The least (Gd)_t / ‖g_t‖ over Σ w_t ‖g_t‖: below −1e-11, the direction opposes a task.
inline double least_gain(const TaskRows& rows, const std::vector<double>& w) {
  const auto direction = direction_of(rows, w);
  double size = 0, least = 0;
  for (size_t t = 0; t < rows.size(); ++t) size += std::abs(w[t]) * std::sqrt(inner(rows[t], rows[t]));
  for (const auto& row : rows) {
    const double length = std::sqrt(inner(row, row));
    if (length > 0 && size > 0) least = std::min(least, inner(row, direction) / length / size);
  }
  return least;
}

/// ‖a − b‖ over Σ w_t ‖g_t‖
inline double distance_of(const TaskRows& rows, const std::vector<double>& w, const std::vector<double>& a,
                          const std::vector<double>& b) {
  double size = 0, square = 0;
  for (size_t t = 0; t < rows.size(); ++t) size += std::abs(w[t]) * std::sqrt(inner(rows[t], rows[t]));
  for (size_t k = 0; k < a.size(); ++k)
    square += std::pow(a[k] / (size > 0 ? size : 1) - b[k] / (size > 0 ? size : 1), 2);
  return std::sqrt(square);
}

inline TaskRows scaled(TaskRows rows, double factor) {
  for (auto& row : rows)
    for (double& value : row) value *= factor;
  return rows;
}

/// The rows in another order: result[t] = rows[order[t]].
inline TaskRows reordered(const TaskRows& rows, const std::vector<int64_t>& order) {
  TaskRows result;
  for (int64_t from : order) result.push_back(rows[static_cast<size_t>(from)]);
  return result;
}

/// Rows within an open half-space, so that 0 is not in their convex hull; their norms span the case's scales.
inline TaskRows rows_of_one_side(RowsCase given, double lift) {
  const double row_decades = given.row_decades, decade = given.decade;
  given.row_decades = given.decade = 0;
  given.has_zero = given.has_opposite = false;
  TaskRows rows = make_rows(given);
  Random random(given.seed, "lift");
  for (auto& row : rows) {
    const double length = std::sqrt(inner(row, row));
    const double scale = std::pow(10.0, decade + row_decades * (2 * random.uniform() - 1));
    row.push_back(lift * (length > 0 ? length : 1) * random.uniform(0.5, 2.0));
    for (double& value : row) value *= scale;
  }
  return rows;
}

/// Weights for the rows of the tasks 1 and 3 of five, as the balancer hands them over, against those of the two alone.
inline void expect_absent_tasks_ignored(const std::string& yaml) {
  const TaskRows rows = {{1.0, 0.5, 0.0}, {-0.4, 1.0, 2.0}};
  const auto balancer = make_balancer(yaml, numbered_tasks(5));
  GramState gram = GramState::of(rows);
  gram.tasks = {1, 3};
  gram.task_count = 5;
  LossState state = LossState::of({1, 1, 1, 1, 1});
  state.present = {0, 1, 0, 1, 0};
  const auto got = dynamic_cast<GramWeighting&>(balancer->method()).weigh(gram, state);
  EXPECT_EQ(got.w, weights_for(yaml, rows).w) << yaml;
}

}  // namespace polytask
