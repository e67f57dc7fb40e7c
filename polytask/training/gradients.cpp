#include <polytask/training/gradients.h>

#include <torch/csrc/autograd/autograd.h>
#include <torch/nn/utils/clip_grad.h>

#include <cmath>
#include <limits>

namespace polytask {
namespace {

template <class Keep>
std::vector<at::Tensor> with_gradient(const std::vector<ModelParameter>& parameters, Keep keep) {
  std::vector<at::Tensor> kept;
  for (const auto& parameter : parameters)
    if (parameter.tensor.grad().defined() && keep(parameter)) kept.push_back(parameter.tensor);
  return kept;
}

void clip(const std::vector<at::Tensor>& tensors, const std::optional<double>& limit) {
  if (limit && !tensors.empty()) torch::nn::utils::clip_grad_norm_(tensors, *limit);
}

}  // namespace

void clip_gradients(const std::vector<ModelParameter>& parameters, int64_t tasks, const ClipOptions& options) {
  clip(with_gradient(parameters, [](const auto& p) { return p.role == Role::shared; }), options.shared);
  if (options.heads) {
    for (int64_t t = 0; t < tasks; ++t)
      clip(with_gradient(parameters, [t](const auto& p) { return p.role == Role::task && p.task == t; }),
           options.heads);
  }
  clip(with_gradient(parameters, [](const auto&) { return true; }), options.total);
}

bool gradients_are_finite(const std::vector<ModelParameter>& parameters) {
  // A sum is finite exactly where no summand is infinite or NaN, or where large ones overflow: then it is looked at
  // again.
  at::NoGradGuard no_grad;
  std::vector<at::Tensor> sums;
  const auto tensors = with_gradient(parameters, [](const auto&) { return true; });
  for (const auto& tensor : tensors) sums.push_back(tensor.grad().sum());
  if (sums.empty() || std::isfinite(at::stack(sums).sum().item<double>())) return true;
  for (const auto& tensor : tensors)
    if (!at::isfinite(tensor.grad()).all().item<bool>()) return false;
  return true;
}

std::vector<double> task_gradient_norms(const std::vector<at::Tensor>& losses,
                                        const std::vector<ModelParameter>& parameters) {
  std::vector<at::Tensor> shared;
  for (const auto& parameter : parameters)
    if (parameter.role == Role::shared && parameter.tensor.requires_grad()) shared.push_back(parameter.tensor);
  std::vector<double> norms;
  for (const auto& loss : losses) {
    norms.push_back(std::numeric_limits<double>::quiet_NaN());
    if (!loss.defined() || shared.empty()) continue;
    const auto gradients = torch::autograd::grad({loss}, shared, {}, /*retain_graph=*/true, /*create_graph=*/false,
                                                 /*allow_unused=*/true);
    double squares = 0;
    for (const auto& gradient : gradients)
      if (gradient.defined()) squares += std::pow(gradient.norm().item<double>(), 2);
    norms.back() = std::sqrt(squares);
  }
  return norms;
}

}  // namespace polytask
