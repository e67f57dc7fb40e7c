#include <polytask/core/error.h>
#include <polytask/core/suggest.h>
#include <polytask/nn/layers/activation.h>

#include <ATen/ATen.h>

#include <cmath>
#include <utility>
#include <vector>

namespace polytask {
namespace {

at::Tensor relu(const at::Tensor& x) { return at::relu(x); }
at::Tensor tanh(const at::Tensor& x) { return at::tanh(x); }
at::Tensor silu(const at::Tensor& x) { return at::silu(x); }
// Written with erf: the oneDNN kernel behind at::gelu gives a wrong gradient in libtorch 1.13 where the incoming one is
// not contiguous.
at::Tensor gelu(const at::Tensor& x) { return 0.5 * x * (1 + at::erf(x * M_SQRT1_2)); }

const std::vector<std::pair<std::string, Activation>>& activations() {
  static const std::vector<std::pair<std::string, Activation>> all = {
      {"relu", relu}, {"gelu", gelu}, {"tanh", tanh}, {"silu", silu}};
  return all;
}

std::vector<std::string> names() {
  std::vector<std::string> result;
  for (const auto& [name, function] : activations()) result.push_back(name);
  return result;
}

}  // namespace

Range activation_choices() { return one_of(names()); }

Activation activation_of(const std::string& name) {
  for (const auto& [known, function] : activations())
    if (known == name) return function;
  throw InputError("unknown activation \"{}\"{}", name, did_you_mean(name, names()));
}

}  // namespace polytask
