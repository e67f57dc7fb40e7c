#pragma once
#include <polytask/analysis/gradient_conflict.h>
#include <polytask/balancing/gram_weighting.h>
#include <polytask/objectives/delta_m.h>

#include <balancing/golden/harness.h>

#include <string>
#include <utility>
#include <vector>

namespace polytask {

inline std::vector<double> entries_of(const Matrix& matrix) {
  return {matrix.data(), matrix.data() + matrix.rows() * matrix.cols()};
}

/// The measures of conflict between rows.
inline GoldenResult run_conflict(const GoldenCase& one) {
  const GradientConflict got = gradient_conflict(GramState::of(golden_rows(one.at("grads"))).gram);
  return {{"singular_values", got.singular_values},
          {"condition_number", {got.condition_number}},
          {"cosine", entries_of(got.cosine)},
          {"gradient_magnitude_similarity", entries_of(got.magnitude_similarity)},
          {"curvature_bounding_measure", entries_of(got.curvature_bound)},
          {"grad_norms", got.norms},
          {"total_grad_norm", {got.total_norm}}};
}

/// Δm of a multi-task result over its baseline; the peer gives a fraction.
inline GoldenResult run_delta(const GoldenCase& one) {
  const auto figures = [&](const char* which) {
    TaskFigures result;
    for (const auto& [task, values] : one.at(which).entries()) {
      const auto higher = golden_numbers(*one.at("higher_is_better").find(task));
      const auto numbers = golden_numbers(values);
      for (size_t i = 0; i < numbers.size(); ++i)
        result[task].push_back({std::to_string(i), numbers[i],
                                higher.at(i) == 1 ? Direction::higher_is_better : Direction::lower_is_better, ""});
    }
    return result;
  };
  return {{"delta", {delta_m(figures("new"), figures("base")).mean / 100}}};
}

inline GoldenMethods measure_methods() {
  return {{"conflict_metrics", run_conflict}, {"count_improvement", run_delta}};
}

}  // namespace polytask
