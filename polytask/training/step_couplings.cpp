#include <polytask/core/error.h>
#include <polytask/training/step.h>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/full_like.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>

// What a training step does with couplings between tasks; the step itself is in step.cpp.
namespace polytask {

// Whether a coupling that takes part in this epoch, or is only watched, asks for the task's output.
bool Stepper::is_coupled(size_t task) const {
  return std::any_of(session_.couplings.begin(), session_.couplings.end(),
                     [&](const auto& term) { return std::count(term.tasks().begin(), term.tasks().end(), task) > 0; });
}

// Values of the couplings; what is balanced becomes a loss, the others keep their graph only where they have a weight.
void Stepper::couple(const Batch& batch, const std::vector<at::Tensor>& outputs, int64_t epoch, Forward& result) {
  size_t objective = session_.tasks.size();
  for (auto& term : session_.couplings) {
    const double weight = term.weight(epoch);
    at::AutoGradMode with_graph(at::GradMode::is_enabled() && weight > 0);
    result.couplings.push_back(term.value(outputs, observed_everywhere(batch)));
    if (!term.balanced()) continue;
    const at::Tensor& value = result.couplings.back();
    if (value.defined() && weight > 0) result.losses[objective] = value * weight;
    ++objective;
  }
}

// Couplings beside the balanced losses, with their weights.
std::vector<std::pair<at::Tensor, double>> Stepper::coupling_terms(const Forward& pass, int64_t epoch) const {
  std::vector<std::pair<at::Tensor, double>> terms;
  for (size_t c = 0; c < pass.couplings.size(); ++c) {
    const auto& term = session_.couplings[c];
    const at::Tensor& value = pass.couplings[c];
    if (!term.balanced() && value.defined() && value.requires_grad()) terms.emplace_back(value, term.weight(epoch));
  }
  return terms;
}

// Where heads and encoder come apart: a coupling's gradient goes to the heads it touches, and what reaches the heads'
// inputs goes on through the encoder. Of a balanced one only the heads are done here; the balancer walks the rest.
void Stepper::add_couplings_apart(const Forward& pass, double share, int64_t epoch) const {
  if (pass.couplings.empty()) return;
  std::vector<at::Tensor> heads;
  for (const auto& parameter : parameters_)
    if (parameter.role == Role::task && parameter.tensor.requires_grad()) heads.push_back(parameter.tensor);
  for (size_t t = session_.tasks.size(); t < pass.losses.size(); ++t)
    if (pass.losses[t].defined() && !heads.empty())
      torch::autograd::backward({pass.losses[t]}, {at::full_like(pass.losses[t], share)}, /*retain_graph=*/true,
                                /*create_graph=*/false, heads);
  const auto terms = coupling_terms(pass, epoch);
  if (terms.empty()) return;
  for (const auto& [value, weight] : terms) value.backward(at::full_like(value, share * weight), /*retain_graph=*/true);
  std::vector<at::Tensor> roots, seeds;
  for (size_t entry = 0; entry < pass.leaves.size(); ++entry)
    for (size_t level = 0; level < pass.leaves[entry].size(); ++level) {
      const at::Tensor& leaf = pass.leaves[entry][level];
      if (!leaf.defined() || !leaf.grad().defined()) continue;
      roots.push_back(pass.features[entry][level]);
      seeds.push_back(leaf.grad());
      leaf.mutable_grad().reset();
    }
  if (!roots.empty()) torch::autograd::backward(roots, seeds, /*retain_graph=*/true);
}

// Records what couplings came to. One that is not finite is dealt with as `on_nan` says; balanced ones are losses,
// which drop_not_finite has seen.
void Stepper::note_couplings(Forward& pass, size_t batches, const LossState& state, StepResult& result) const {
  result.couplings.resize(pass.couplings.size());
  for (size_t c = 0; c < pass.couplings.size(); ++c) {
    const auto& term = session_.couplings[c];
    auto& noted = result.couplings[c];
    noted.weight = term.weight(state.epoch);
    add_figures(term.coupling().figures(), noted.figures);
    if (!pass.couplings[c].defined()) continue;
    const auto value = pass.couplings[c].item<double>();
    noted.value = (std::isnan(noted.value) ? 0.0 : noted.value) + value / static_cast<double>(batches);
    if (term.balanced() || noted.weight == 0) continue;
    if (std::isfinite(value)) {
      result.coupled += noted.weight * value / static_cast<double>(batches);
      continue;
    }
    const auto& policy = session_.experiment.train.on_nan;
    if (policy == "stop")
      throw WorkError(
          "step {}: the coupling {} is not finite (train.on_nan: stop); try a smaller weight or learning rate",
          state.step, term.name());
    pass.couplings[c] = at::Tensor();
    result.not_finite.push_back(term.name());
    result.skipped = result.skipped || policy == "skip_step";
  }
}

}  // namespace polytask
