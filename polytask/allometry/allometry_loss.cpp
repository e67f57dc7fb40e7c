#include <polytask/allometry/allometry_loss.h>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

namespace polytask {
namespace {

bool is_one_shape(const AllometryParameters& parameters) {
  const at::Tensor& shape = parameters.values.back();
  return !parameters.law->has_shape() || (shape == shape[0]).all().item<bool>();
}

// The law is linear in its coefficients: with one shape parameter for all classes, it may be applied to their mean.
at::Tensor by_mean_coefficients(const AllometryParameters& parameters, const at::Tensor& probabilities,
                                const at::Tensor& log_height) {
  std::vector<at::Tensor> coefficients(parameters.values.begin(),
                                       parameters.values.begin() + parameters.law->columns() + 1);
  const at::Tensor mean = at::matmul(probabilities.movedim(1, -1), at::stack(coefficients, 1));  // [B, H, W, K]
  std::vector<at::Tensor> mixed;
  for (int64_t k = 0; k < mean.size(-1); ++k) mixed.push_back(mean.select(-1, k));
  if (parameters.law->has_shape()) mixed.push_back(parameters.values.back()[0]);
  return parameters.law->log_biomass(log_height, mixed);
}

at::Tensor class_by_class(const AllometryParameters& parameters, const at::Tensor& probabilities,
                          const at::Tensor& log_height) {
  std::vector<at::Tensor> values;
  values.reserve(parameters.values.size());
  for (const auto& value : parameters.values) values.push_back(value.reshape({1, -1, 1, 1}));
  return (probabilities * parameters.law->log_biomass(log_height.unsqueeze(1), values)).sum(1);
}

}  // namespace

AllometryParameters make_parameters(const Law& law, const std::vector<std::vector<double>>& values) {
  AllometryParameters parameters{&law, {}};
  for (size_t p = 0; p < law.parameter_names().size(); ++p) {
    std::vector<double> of_classes;
    of_classes.reserve(values.size());
    for (const auto& genus : values) of_classes.push_back(genus[p]);
    parameters.values.push_back(at::tensor(of_classes, at::kDouble));
  }
  return parameters;
}

at::Tensor log_biomass_mixture(const AllometryParameters& parameters, const at::Tensor& probabilities,
                               const at::Tensor& log_height) {
  return is_one_shape(parameters) ? by_mean_coefficients(parameters, probabilities, log_height)
                                  : class_by_class(parameters, probabilities, log_height);
}

AllometryLoss allometry_loss(const AllometryParameters& parameters, const at::Tensor& probabilities,
                             const at::Tensor& height_m, const at::Tensor& biomass, const at::Tensor& observed,
                             double min_height_m, AllometryAverage average) {
  const at::Tensor counted = observed.defined() ? observed : at::ones_like(height_m, at::kBool);
  const at::Tensor active = counted.logical_and(height_m.detach() > min_height_m);
  // Pixels that do not count get a height and a biomass that no logarithm minds, and so no gradient.
  const at::Tensor height = at::where(active, height_m, at::ones_like(height_m));
  const at::Tensor mass = at::where(active, biomass, at::ones_like(biomass));
  const at::Tensor log_allometric =
      log_biomass_mixture(parameters, probabilities, height.clamp_min(kLeastLogged).log());
  const at::Tensor residual = mass.clamp_min(kLeastLogged).log() - log_allometric;
  AllometryLoss loss;
  loss.residual = at::where(active, residual, at::zeros_like(residual));
  loss.active = active.sum().item<int64_t>();
  loss.clamped = active.logical_and(biomass.detach() <= kLeastLogged).sum().item<int64_t>();
  const int64_t with_data = counted.sum().item<int64_t>();
  if (with_data == 0) return loss;
  loss.averaged = average == AllometryAverage::pixels ? with_data : loss.active;
  loss.value = loss.residual.square().sum() / static_cast<double>(std::max<int64_t>(loss.averaged, 1));
  return loss;
}

}  // namespace polytask
