#include "checks.h"

#include <polytask/allometry/allometry_loss.h>

#include <ATen/ATen.h>

namespace polytask::golden {
namespace {

at::Tensor vector_of(const Node& file, const std::string& key) {
  return at::tensor(numbers(member(file, key)), at::kDouble);
}

// [pixels, classes]
at::Tensor rows_of(const Node& file, const std::string& key) {
  std::vector<at::Tensor> rows;
  for (const auto& row : member(file, key).items()) rows.push_back(at::tensor(numbers(row), at::kDouble));
  return at::stack(rows);
}

void compare(const std::string& what, const at::Tensor& actual, const at::Tensor& expected, Checks& checks) {
  const at::Tensor a = actual.detach().contiguous().reshape({-1}), b = expected.contiguous().reshape({-1});
  checks.equal(what + " size", a.numel(), b.numel());
  for (int64_t i = 0; i < std::min(a.numel(), b.numel()); ++i)
    checks.near(fmt::format("{}[{}]", what, i), a[i].item<double>(), b[i].item<double>(), 1e-10);
}

}  // namespace

// The pixels lie in one row of a map: [1, classes, 1, pixels].
void check_loss(const Node& file, Checks& checks) {
  const Law& law = law_named("power", "golden");
  const AllometryParameters parameters{&law, {vector_of(file, "alpha"), vector_of(file, "beta")}};
  at::Tensor logits = rows_of(file, "logits").requires_grad_(), height = vector_of(file, "height").requires_grad_(),
             biomass = vector_of(file, "biomass").requires_grad_();
  const at::Tensor probabilities = at::softmax(logits, 1);
  const auto map = [](const at::Tensor& values) { return values.reshape({1, 1, -1}); };
  const auto mixture_input = probabilities.t().reshape({1, logits.size(1), 1, -1});
  const auto loss = allometry_loss(parameters, mixture_input, map(height), map(biomass), {}, number(file, "h_min"),
                                   AllometryAverage::active);
  compare("prob", probabilities, rows_of(file, "prob"), checks);
  compare("log_b_allo", log_biomass_mixture(parameters, mixture_input, map(height).log()),
          vector_of(file, "log_b_allo"), checks);
  std::vector<double> mask;
  for (const auto& value : member(file, "mask").items()) mask.push_back(boolean_of(value) ? 1 : 0);
  compare("residual", loss.residual, vector_of(file, "residual") * at::tensor(mask, at::kDouble), checks);
  checks.near("loss", loss.value.item<double>(), number(file, "loss"), 1e-10);
  loss.value.backward();
  compare("grad_logits", logits.grad(), rows_of(file, "grad_logits"), checks);
  compare("grad_height", height.grad(), vector_of(file, "grad_height"), checks);
  compare("grad_biomass", biomass.grad(), vector_of(file, "grad_biomass"), checks);
}

}  // namespace polytask::golden
