#include <polytask/objectives/metrics/register.h>

#include <algorithm>
#include <limits>

namespace polytask {
namespace {

/// The spread of the targets is accumulated batch by batch around the mean so far (Chan, Golub and LeVeque 1979), which
/// stays exact for targets far from 0.
class R2 : public Metric {
 public:
  void update(const MetricInput& batch) override {
    const at::Tensor target = batch.target.to(at::kDouble);
    const double n = static_cast<double>(target.size(0));
    if (n == 0) return;
    const double mean = target.mean().item<double>();
    const double shift = mean - mean_;
    const double all = seen_ + n;
    spread_ += (target - mean).square().sum().item<double>() + shift * shift * seen_ * n / all;
    mean_ += shift * n / all;
    seen_ = all;
    squared_error_ += (batch.prediction - target).square().sum().item<double>();
    lowest_ = std::min(lowest_, target.min().item<double>());
    highest_ = std::max(highest_, target.max().item<double>());
  }
  double value() const override {
    const bool varies = highest_ > lowest_;
    return varies ? 1 - squared_error_ / spread_ : std::numeric_limits<double>::quiet_NaN();
  }
  void reset() override { *this = R2(); }
  Direction direction() const override { return Direction::higher_is_better; }
  std::string name() const override { return "r2"; }

 private:
  double seen_ = 0, mean_ = 0, spread_ = 0, squared_error_ = 0;
  double lowest_ = std::numeric_limits<double>::infinity();
  double highest_ = -std::numeric_limits<double>::infinity();
};

}  // namespace

void register_r2(MetricRegistry& metrics) {
  metrics.add<NoOptions>("r2",
                         "1 − squared error / squared deviation of the targets from their mean over what was seen", "",
                         [](const NoOptions&, int64_t) { return std::make_unique<R2>(); });
}

}  // namespace polytask
