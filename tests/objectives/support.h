#pragma once
#include <polytask/config/yaml.h>
#include <polytask/core/error.h>
#include <polytask/objectives/task_type.h>

#include <gtest/gtest.h>

#include <torch/types.h>

#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace polytask {

/// A node as a configuration file "test.yaml" would give it under `path`.
inline Node section(const std::string& yaml, const std::string& path = "tasks.t") {
  Node node = parse_yaml(yaml, "test.yaml");
  set_paths(node, path);
  return node;
}

/// The text of the InputError that `call` throws; a failure where it throws none.
template <class Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const InputError& error) {
    return error.what();
  }
  ADD_FAILURE() << "no InputError";
  return "";
}

inline at::Tensor doubles(const std::vector<double>& values) { return torch::tensor(values, torch::kDouble); }
inline at::Tensor longs(const std::vector<int64_t>& values) { return torch::tensor(values, torch::kLong); }
inline at::Tensor bools(const std::vector<int64_t>& values) { return longs(values).to(torch::kBool); }
inline double at2(const at::Tensor& t, int64_t i, int64_t j) { return t[i][j].item<double>(); }

inline std::vector<int64_t> range(int64_t n) {
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < n; ++i) rows.push_back(i);
  return rows;
}

/// The gradient of scalar `loss` at `x` by autograd and by central differences; the greatest difference of the two.
inline double gradient_error(const std::function<at::Tensor(const at::Tensor&)>& loss, const at::Tensor& x) {
  const at::Tensor leaf = x.clone().set_requires_grad(true);
  loss(leaf).backward();
  const at::Tensor flat = x.clone().view(-1);
  const at::Tensor analytic = leaf.grad().reshape({-1});
  double worst = 0;
  for (int64_t i = 0; i < flat.numel(); ++i) {
    const double h = 1e-6, old = flat[i].item<double>();
    flat[i] = old + h;
    const double up = loss(flat.view(x.sizes())).item<double>();
    flat[i] = old - h;
    const double down = loss(flat.view(x.sizes())).item<double>();
    flat[i] = old;
    worst = std::max(worst, std::abs((up - down) / (2 * h) - analytic[i].item<double>()));
  }
  return worst;
}

/// The named figure; a failure where there is none.
inline double figure(const std::vector<MetricValue>& values, const std::string& name) {
  for (const auto& value : values)
    if (value.name == name) return value.value;
  ADD_FAILURE() << "no figure " << name;
  return 0;
}

}  // namespace polytask
