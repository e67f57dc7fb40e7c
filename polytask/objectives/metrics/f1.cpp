#include <polytask/objectives/metrics/register.h>

#include <limits>

namespace polytask {
namespace {

class F1 : public Metric {
 public:
  void update(const MetricInput& batch) override {
    const at::Tensor positive = batch.target.gt(0.5);
    const at::Tensor predicted = batch.prediction.ge(0.5);
    positives_ += positive.sum().item<int64_t>();
    predicted_ += predicted.sum().item<int64_t>();
    hits_ += positive.logical_and(predicted).sum().item<int64_t>();
  }
  double value() const override {
    if (positives_ + predicted_ == 0) return std::numeric_limits<double>::quiet_NaN();
    return 2 * static_cast<double>(hits_) / static_cast<double>(positives_ + predicted_);
  }
  void reset() override { positives_ = predicted_ = hits_ = 0; }
  Direction direction() const override { return Direction::higher_is_better; }
  std::string name() const override { return "f1"; }

 private:
  int64_t positives_ = 0, predicted_ = 0, hits_ = 0;
};

}  // namespace

void register_f1(MetricRegistry& metrics) {
  metrics.add<NoOptions>("f1", "harmonic mean of precision and recall of the positive class at probability 0.5", "",
                         [](const NoOptions&, int64_t) { return std::make_unique<F1>(); });
}

}  // namespace polytask
