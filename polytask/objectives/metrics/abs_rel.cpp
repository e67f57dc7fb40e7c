#include <polytask/objectives/metrics/register.h>

#include <ATen/TensorOperators.h>

#include <limits>

namespace polytask {
namespace {

class AbsRel : public Metric {
 public:
  void update(const MetricInput& batch) override {
    const at::Tensor counted = batch.target.ne(0);
    const at::Tensor target = batch.target.masked_select(counted).to(at::kDouble);
    const at::Tensor error = batch.prediction.masked_select(counted) - target;
    sum_ += (error.abs() / target.abs()).sum().item<double>();
    seen_ += target.size(0);
  }
  double value() const override {
    return seen_ == 0 ? std::numeric_limits<double>::quiet_NaN() : sum_ / static_cast<double>(seen_);
  }
  void reset() override { sum_ = 0, seen_ = 0; }
  Direction direction() const override { return Direction::lower_is_better; }
  std::string name() const override { return "abs_rel"; }

 private:
  double sum_ = 0;
  int64_t seen_ = 0;
};

}  // namespace

void register_abs_rel(MetricRegistry& metrics) {
  metrics.add<NoOptions>(
      "abs_rel", "mean of absolute error / |target|; targets of 0, which have no relative error, are left out",
      "Eigen et al. 2014, section 4.2", [](const NoOptions&, int64_t) { return std::make_unique<AbsRel>(); });
}

}  // namespace polytask
