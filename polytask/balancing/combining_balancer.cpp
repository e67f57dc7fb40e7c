#include <polytask/balancing/combining_balancer.h>
#include <polytask/balancing/gradients/engine.h>
#include <polytask/balancing/gradients/results.h>
#include <polytask/core/error.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ATen/ops/isfinite.h>
#include <ATen/ops/zeros.h>

#include <cmath>

namespace polytask {

CombiningBalancer::CombiningBalancer(std::unique_ptr<GradientCombiner> combiner, const GradientOptions& options)
    : combiner_(std::move(combiner)), options_(options) {
  const bool whole = options.scope == std::vector<std::string>{"shared"} ||
                     options.scope == std::vector<std::string>{"representation"};
  if (options.representation_rows != "samples")
    throw InputError("balancing.representation_rows: {} serves methods that need inner products only",
                     options.representation_rows);
  if (options.scope == std::vector<std::string>{"representation"} && !combiner_->supports_representation())
    throw InputError(
        "balancing.scope: representation: this method compares gradients of different batches, whose features have no "
        "common columns; choose shared");
  if (combiner_->makes_direction() && !whole)
    throw InputError(
        "balancing.scope: [{}]: this method makes the step itself out of the task gradients, so everything outside of "
        "the scope would stay untrained; choose shared or representation",
        fmt::join(options.scope, ", "));
}

CombiningBalancer::~CombiningBalancer() = default;

void CombiningBalancer::prepare(const ModelFacts& model) {
  EngineOptions options;
  options.scope = options_.scope;
  options.gram = "walk";
  options.samples = combiner_->needs().independent_batches;
  options.rows = true;
  engine_ = std::make_unique<GradientEngine>(options);
  engine_->prepare(model);
}

Weights CombiningBalancer::backward(const BackwardContext& context, const LossState& state) {
  check_sizes(context, state);
  if (engine_ == nullptr) prepare({context.parameters, ""});
  engine_->add(context, state);
  if (!context.last) return {};
  Weights result = finish(context, state);
  engine_->reset();
  return result;
}

Weights CombiningBalancer::finish(const BackwardContext& context, const LossState& state) {
  Weights result;
  result.w.assign(state.losses.size(), 0.0);
  if (engine_->tasks().empty()) return result;
  if (engine_->is_frozen()) return train_heads(*engine_, state);
  GradientRows rows = engine_->rows();
  result.not_finite = not_finite_tasks(rows);
  if (!result.not_finite.empty()) {
    if (!context.skip_tasks) return result;
    engine_->drop(result.not_finite);
    if (engine_->tasks().empty()) return result;
    rows = engine_->rows();
  }
  if (context.measure_norms) {
    result.gradient_norms.assign(state.losses.size(), std::nan(""));
    for (int64_t r = 0; r < rows.rows(); ++r)
      result.gradient_norms[static_cast<size_t>(rows.tasks[static_cast<size_t>(r)])] =
          rows.grads().select(0, r).norm().item<double>();
  }
  at::Tensor direction;
  if (combiner_->makes_direction()) direction = at::zeros({rows.columns()}, rows.grads().options());
  const LossState seen = state_of_rows(state, rows.tasks, rows.losses);
  const GramWeights weights = combiner_->combine(rows, seen, direction);
  const auto heads = head_factors(weights, combiner_->heads(), options_.heads);
  if (combiner_->makes_direction())
    engine_->apply_direction(direction, heads);
  else
    engine_->apply(weights.w, {}, heads);
  fill_weights(weights, rows.tasks, seen, result);
  if (weights.solver.iterations > 0 || !weights.solver.solved) result.solver = weights.solver;
  return result;
}

std::vector<int64_t> CombiningBalancer::not_finite_tasks(const GradientRows& rows) {
  std::vector<int64_t> tasks;
  for (int64_t r = 0; r < rows.rows(); ++r) {
    bool finite = true;
    for (const auto& sample : rows.samples) finite = finite && at::isfinite(sample.select(0, r)).all().item<bool>();
    if (!finite) tasks.push_back(rows.tasks[static_cast<size_t>(r)]);
  }
  return tasks;
}

void CombiningBalancer::abandon() {
  if (engine_ != nullptr) engine_->reset();
}

Weights CombiningBalancer::evaluate(const LossState& state) { return plain_sum(state); }

}  // namespace polytask
