#include <polytask/balancing/weighting/per_task.h>
#include <polytask/core/error.h>
#include <polytask/core/options.h>

#include <fmt/ranges.h>

#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace polytask {
namespace {

double largest(const std::vector<double>& values) {
  double highest = -std::numeric_limits<double>::infinity();
  for (double value : values) highest = std::max(highest, value);
  return highest;
}

}  // namespace

std::vector<double> per_task(const std::string& option, const std::vector<double>& values,
                             const std::vector<std::string>& names) {
  if (values.size() != 1 && values.size() != names.size())
    throw InputError("balancing.{}: {} values for {} tasks ({}): give one number, or one for each task", option,
                     values.size(), names.size(), fmt::join(names, ", "));
  for (double value : values)
    if (!std::isfinite(value)) throw InputError("balancing.{}: {} is not finite", option, number_text(value));
  return values.size() == names.size() ? values : std::vector<double>(names.size(), values.front());
}

std::vector<double> softmax(const std::vector<double>& values) {
  const double highest = largest(values);
  std::vector<double> shares;
  double total = 0;
  for (double value : values) {
    shares.push_back(std::exp(value - highest));
    total += shares.back();
  }
  for (double& share : shares) share /= total;
  return shares;
}

double log_sum_exp(const std::vector<double>& values) {
  if (values.empty()) return -std::numeric_limits<double>::infinity();
  const double highest = largest(values);
  double total = 0;
  for (double value : values) total += std::exp(value - highest);
  return highest + std::log(total);
}

double stable_norm(const std::vector<double>& values) {
  double scale = 0, squares = 0;
  for (double value : values) scale = std::max(scale, std::abs(value));
  if (scale == 0) return 0;
  for (double value : values) squares += (value / scale) * (value / scale);
  return scale * std::sqrt(squares);
}

at::Tensor state_tensor(const std::vector<double>& values) { return at::tensor(values, at::kDouble); }

std::vector<double> state_values(const std::string& method, const NamedTensors& state, const std::string& name,
                                 size_t size) {
  const auto found = state.find(name);
  if (found == state.end())
    throw InputError("{}: the saved state has no \"{}\": it is of another method", method, name);
  const at::Tensor values = found->second.to(at::kCPU, at::kDouble).contiguous();
  if (values.numel() != static_cast<int64_t>(size))
    throw InputError("{}: the saved state \"{}\" has {} values where {} are needed: it is of other tasks or options",
                     method, name, values.numel(), size);
  return {values.data_ptr<double>(), values.data_ptr<double>() + values.numel()};
}

}  // namespace polytask
