#include <polytask/objectives/metrics/register.h>

#include <ATen/TensorOperators.h>

#include <limits>

namespace polytask {
namespace {

class Bias : public Metric {
 public:
  void update(const MetricInput& batch) override {
    sum_ += (batch.prediction - batch.target).to(at::kDouble).sum().item<double>();
    seen_ += batch.target.size(0);
  }
  double value() const override {
    return seen_ == 0 ? std::numeric_limits<double>::quiet_NaN() : sum_ / static_cast<double>(seen_);
  }
  void reset() override { sum_ = 0, seen_ = 0; }
  Direction direction() const override { return Direction::nearer_0_is_better; }
  std::string name() const override { return "bias"; }
  bool in_target_units() const override { return true; }

 private:
  double sum_ = 0;
  int64_t seen_ = 0;
};

}  // namespace

void register_bias(MetricRegistry& metrics) {
  metrics.add<NoOptions>("bias", "mean of prediction − target, in the target's unit; above 0: too high on average", "",
                         [](const NoOptions&, int64_t) { return std::make_unique<Bias>(); });
}

}  // namespace polytask
