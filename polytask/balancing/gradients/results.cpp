#include <polytask/balancing/gradients/engine.h>
#include <polytask/balancing/gradients/results.h>
#include <polytask/core/error.h>

#include <algorithm>
#include <cmath>

namespace polytask {

void check_sizes(const BackwardContext& context, const LossState& state) {
  if (context.losses.size() != state.losses.size())
    throw WorkError("balancing: {} loss tensors for {} losses", context.losses.size(), state.losses.size());
  if (state.present.size() != state.losses.size())
    throw WorkError("balancing: {} losses, but {} marks of which are present", state.losses.size(),
                    state.present.size());
}

LossState state_of_rows(const LossState& state, const std::vector<int64_t>& tasks, const std::vector<double>& losses) {
  LossState seen = state;
  seen.share = 1;
  seen.present.assign(state.present.size(), 0);
  for (size_t r = 0; r < tasks.size(); ++r) {
    const auto t = static_cast<size_t>(tasks[r]);
    seen.present[t] = 1;
    seen.losses[t] = losses[r];
  }
  return seen;
}

std::vector<double> head_factors(const GramWeights& weights, HeadGradient choice,
                                 const std::optional<std::string>& chosen_by_user) {
  if (!chosen_by_user && !weights.heads.empty()) return weights.heads;
  const bool weighted = chosen_by_user ? *chosen_by_user == "weighted" : choice == HeadGradient::weighted;
  return weighted ? weights.w : std::vector<double>(weights.w.size(), 1.0);
}

void fill_weights(const GramWeights& weights, const std::vector<int64_t>& tasks, const LossState& state,
                  Weights& result) {
  if (weights.w.size() != tasks.size())
    throw WorkError("balancing: the method gave {} weights for {} tasks", weights.w.size(), tasks.size());
  const auto spread = [&](const std::vector<double>& values) {
    std::vector<double> all(state.losses.size(), 0.0);
    for (size_t r = 0; r < tasks.size(); ++r) all[static_cast<size_t>(tasks[r])] = values[r];
    return all;
  };
  result.w = spread(weights.w);
  for (const auto& [name, values] : weights.shown)
    if (values.size() == tasks.size()) result.shown[name] = spread(values);
  result.objective = plain_sum(state).objective;
}

Weights train_heads(GradientEngine& engine, const LossState& state) {
  GramWeights plain;
  plain.w.assign(engine.tasks().size(), 1.0);
  engine.apply_heads(plain.w);
  Weights result;
  fill_weights(plain, engine.tasks(), state_of_rows(state, engine.tasks(), engine.losses()), result);
  return result;
}

Weights plain_sum(const LossState& state) {
  Weights weights;
  for (size_t t = 0; t < state.losses.size(); ++t) {
    weights.w.push_back(state.present[t] ? 1.0 : 0.0);
    if (state.present[t]) weights.objective += state.losses[t];
  }
  return weights;
}

std::vector<double> norms_of(const GramState& gram) {
  std::vector<double> norms(static_cast<size_t>(gram.task_count), std::nan(""));
  for (int64_t i = 0; i < gram.rows(); ++i)
    norms[static_cast<size_t>(gram.tasks[static_cast<size_t>(i)])] = std::sqrt(std::max(0.0, gram.gram(i, i)));
  return norms;
}

std::vector<int64_t> not_finite_rows(const GramState& gram) {
  std::vector<int64_t> tasks;
  for (int64_t i = 0; i < gram.rows(); ++i)
    if (!std::isfinite(gram.gram(i, i))) tasks.push_back(gram.tasks[static_cast<size_t>(i)]);
  return tasks;
}

}  // namespace polytask
