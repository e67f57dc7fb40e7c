#include <polytask/core/error.h>
#include <polytask/core/options.h>
#include <polytask/objectives/tasks/target_scaling.h>

#include <ATen/ops/tensor.h>

#include <cmath>

namespace polytask {

TargetScaling::TargetScaling(int64_t targets, bool log)
    : TargetScaling(std::vector<double>(static_cast<size_t>(targets), 0),
                    std::vector<double>(static_cast<size_t>(targets), 1), log) {}

TargetScaling::TargetScaling(std::vector<double> mean, std::vector<double> std, bool log)
    : mean_(std::move(mean)), std_(std::move(std)), log_(log) {
  for (const double value : mean_)
    if (!std::isfinite(value)) throw InputError("a target's mean is {}; it must be finite", number_text(value));
  for (const double value : std_)
    if (!std::isfinite(value) || value <= 0)
      throw InputError("a target's standard deviation is {}; it must be finite and above 0", number_text(value));
  shift_ = at::tensor(mean_, at::kDouble);
  scale_ = at::tensor(std_, at::kDouble);
}

TargetScaling TargetScaling::fit(const at::Tensor& values, const at::Tensor& valid, bool log) {
  std::vector<double> mean, std;
  for (int64_t k = 0; k < values.size(1); ++k) {
    at::Tensor column = values.select(1, k).masked_select(valid.select(1, k)).to(at::kDouble);
    if (log) column = column.log();
    const double lowest = column.min().item<double>();
    const bool constant = lowest == column.max().item<double>();
    mean.push_back(constant ? lowest : column.mean().item<double>());
    std.push_back(constant ? 1 : std::sqrt((column - mean.back()).square().mean().item<double>()));
  }
  return {std::move(mean), std::move(std), log};
}

at::Tensor TargetScaling::standardise(const at::Tensor& values) const {
  const at::Tensor real = values.to(at::kDouble);
  return ((log_ ? real.log() : real) - shift_.to(values.device())) / scale_.to(values.device());
}

at::Tensor TargetScaling::restore(const at::Tensor& scaled) const {
  const at::Tensor value = scaled.to(at::kDouble) * scale_.to(scaled.device()) + shift_.to(scaled.device());
  return log_ ? value.exp() : value;
}

}  // namespace polytask
