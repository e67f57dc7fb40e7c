#include <polytask/objectives/metrics/register.h>

#include <cmath>
#include <limits>

namespace polytask {
namespace {

class Rmse : public Metric {
 public:
  void update(const MetricInput& batch) override {
    sum_ += (batch.prediction - batch.target).to(at::kDouble).square().sum().item<double>();
    seen_ += batch.target.size(0);
  }
  double value() const override {
    return seen_ == 0 ? std::numeric_limits<double>::quiet_NaN() : std::sqrt(sum_ / static_cast<double>(seen_));
  }
  void reset() override { sum_ = 0, seen_ = 0; }
  Direction direction() const override { return Direction::lower_is_better; }
  std::string name() const override { return "rmse"; }
  bool in_target_units() const override { return true; }

 private:
  double sum_ = 0;
  int64_t seen_ = 0;
};

}  // namespace

void register_rmse(MetricRegistry& metrics) {
  metrics.add<NoOptions>("rmse", "root of the mean squared error, in the target's unit", "",
                         [](const NoOptions&, int64_t) { return std::make_unique<Rmse>(); });
}

}  // namespace polytask
