#pragma once
#include "case.h"

#include <fmt/format.h>

#include <ATen/ATen.h>

#include <functional>
#include <string>
#include <vector>

namespace polytask::golden {

/// What is wrong with a tensor, or "" where it agrees within `tolerance.atol`; integers must be equal.
inline std::string difference(const std::string& name, const NamedTensors& results, const at::Tensor& expected,
                              const Node& atol) {
  const auto it = results.find(name);
  if (it == results.end()) return fmt::format("{}: not known to this runner", name);
  const at::Tensor actual = it->second.detach();
  if (actual.sizes() != expected.sizes()) return fmt::format("{}: another shape", name);
  if (!expected.is_floating_point())
    return at::equal(actual.to(expected.dtype()), expected) ? "" : fmt::format("{}: not equal", name);
  if (expected.isnan().any().item<bool>())
    return at::equal(expected.isnan(), actual.isnan()) ? "" : fmt::format("{}: NaN elsewhere than expected", name);
  const double largest = (actual - expected).abs().max().item<double>();
  const double allowed = number_of(member(atol, name));
  return largest <= allowed ? "" : fmt::format("{}: differs by {:.3g}, allowed {:.3g}", name, largest, allowed);
}

/// Everything that is wrong with the results of a case, tensors that `lacks` names left out.
inline std::vector<std::string> differences(const Case& golden, const NamedTensors& results,
                                            const std::function<bool(const std::string&)>& lacks) {
  const Node& atol = member(member(golden.description, "tolerance"), "atol");
  std::vector<std::string> found;
  if (golden.expected.empty()) found.push_back("expected.safetensors holds no tensor");
  for (const auto& [name, expected] : golden.expected) {
    if (lacks && lacks(name)) continue;
    if (const auto text = difference(name, results, expected, atol); !text.empty()) found.push_back(text);
  }
  return found;
}

}  // namespace polytask::golden
