#include <polytask/balancing/gradients/engine.h>
#include <polytask/balancing/gradients/results.h>
#include <polytask/balancing/gram_balancer.h>
#include <polytask/core/error.h>

#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>

#include <cmath>

namespace polytask {

GramBalancer::GramBalancer(std::unique_ptr<GramWeighting> weighting, const GramOptions& options)
    : weighting_(std::move(weighting)), options_(options) {
  if (options.gram == "outputs" && weighting_->needs().blocks != BlockSize::whole)
    throw InputError(
        "balancing.gram: \"outputs\" gives no inner products layer by layer, which this method needs; "
        "leave it at auto");
  if (options.gradients.scope != std::vector<std::string>{"shared"} && weighting_->needs().blocks != BlockSize::whole)
    throw InputError(
        "balancing.scope: weights that differ from layer to layer need the gradients of all layers: leave it at "
        "shared");
  if (options.every > 1 && weighting_->needs().blocks != BlockSize::whole)
    throw InputError("balancing.every: {} can not be combined with weights that differ from layer to layer",
                     options.every);
}

GramBalancer::~GramBalancer() = default;

void GramBalancer::prepare(const ModelFacts& model) {
  const Needs needs = weighting_->needs();
  EngineOptions options;
  options.scope = options_.gradients.scope;
  options.gram = options_.gram;
  options.blocks = needs.blocks;
  options.samples = needs.independent_batches;
  options.batch_sum = options_.gradients.representation_rows == "batch_sum";
  engine_ = std::make_unique<GradientEngine>(options);
  engine_->prepare(model);
}

// Weights are kept for `every` steps; a task that had none when they were computed has them computed anew. Where more
// batches of the step follow (`last` false), any task may still come.
bool GramBalancer::has_weights_for(const LossState& state, bool last) const {
  if (options_.every <= 1 || kept_.size() != state.losses.size() || state.step < kept_at_ ||
      state.step - kept_at_ >= options_.every)
    return false;
  for (size_t t = 0; t < kept_.size(); ++t)
    if ((state.present[t] || !last) && !std::isfinite(kept_[t])) return false;
  return true;
}

Weights GramBalancer::backward(const BackwardContext& context, const LossState& state) {
  check_sizes(context, state);
  if (engine_ == nullptr) prepare({context.parameters, ""});
  if (!in_step_) reuse_ = has_weights_for(state, context.last);
  in_step_ = !context.last;
  engine_->add(context, state, !reuse_);
  if (!context.last) return {};
  Weights result = finish(context, state);
  engine_->reset();
  return result;
}

Weights GramBalancer::finish(const BackwardContext& context, const LossState& state) {
  Weights result;
  result.w.assign(state.losses.size(), 0.0);
  if (engine_->tasks().empty()) return result;
  if (engine_->is_frozen()) return train_heads(*engine_, state);
  if (reuse_) {
    GramWeights kept;
    for (int64_t t : engine_->tasks()) {
      kept.w.push_back(kept_[static_cast<size_t>(t)]);
      kept.heads.push_back(kept_heads_[static_cast<size_t>(t)]);
    }
    engine_->apply(kept.w, {}, kept.heads);
    fill_weights(kept, engine_->tasks(), state_of_rows(state, engine_->tasks(), engine_->losses()), result);
    return result;
  }
  GramState gram = engine_->gram();
  result.not_finite = not_finite_rows(gram);
  if (!result.not_finite.empty()) {
    if (!context.skip_tasks) return result;
    engine_->drop(result.not_finite);
    if (engine_->tasks().empty()) return result;
    gram = engine_->gram();
  }
  if (context.measure_norms) result.gradient_norms = norms_of(gram);
  const LossState seen = state_of_rows(state, gram.tasks, gram.losses);
  GramWeights weights = weighting_->weigh(gram, seen);
  weights.heads = head_factors(weights, weighting_->heads(), options_.gradients.heads);
  engine_->apply(weights.w, weights.block_w, weights.heads);
  keep(weights, state);
  fill_weights(weights, gram.tasks, seen, result);
  result.solver = weights.solver;
  return result;
}

void GramBalancer::keep(const GramWeights& weights, const LossState& state) {
  if (options_.every <= 1) return;
  kept_.assign(state.losses.size(), std::nan(""));
  kept_heads_ = kept_;
  for (size_t r = 0; r < weights.w.size(); ++r) {
    const auto t = static_cast<size_t>(engine_->tasks()[r]);
    kept_[t] = weights.w[r];
    kept_heads_[t] = weights.heads[r];
  }
  kept_at_ = state.step;
}

void GramBalancer::abandon() {
  in_step_ = false;
  if (engine_ != nullptr) engine_->reset();
}

Weights GramBalancer::evaluate(const LossState& state) { return plain_sum(state); }

NamedTensors GramBalancer::state() {
  NamedTensors named = weighting_->state();
  if (options_.every <= 1 || kept_.empty()) return named;
  named["every.weights"] = at::tensor(kept_, at::kDouble);
  named["every.heads"] = at::tensor(kept_heads_, at::kDouble);
  named["every.step"] = at::full({}, kept_at_, at::kLong);
  return named;
}

void GramBalancer::load_state(const NamedTensors& state) {
  kept_.clear();
  kept_heads_.clear();
  NamedTensors of_method = state;
  const auto take = [&](const char* name, std::vector<double>& values) {
    const auto found = of_method.find(name);
    if (found == of_method.end()) return;
    const at::Tensor flat = found->second.to(at::kDouble).contiguous();
    values.assign(flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel());
    of_method.erase(found);
  };
  take("every.weights", kept_);
  take("every.heads", kept_heads_);
  std::vector<double> step;
  take("every.step", step);
  if (!step.empty()) kept_at_ = static_cast<int64_t>(step[0]);
  weighting_->load_state(of_method);
}

}  // namespace polytask
