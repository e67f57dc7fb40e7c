#include <polytask/objectives/metrics/predicted_classes.h>
#include <polytask/objectives/metrics/register.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>

namespace polytask {
namespace {

/// Holds what F1 needs of a confusion matrix: its diagonal, row and column sums, so that many classes cost little.
class MacroF1 : public Metric {
 public:
  explicit MacroF1(int64_t classes) : classes_(classes) { reset(); }

  void update(const MetricInput& batch) override {
    const at::Tensor predicted = predicted_classes(batch.prediction);
    const at::Tensor right = batch.target.masked_select(predicted.eq(batch.target));
    true_ += batch.target.bincount({}, classes_);
    predicted_ += predicted.masked_select(predicted.ge(0)).bincount({}, classes_);
    hits_ += right.bincount({}, classes_);
  }
  double value() const override {
    const at::Tensor both = (true_ + predicted_).to(at::kDouble);
    const at::Tensor f1 = 2 * hits_.to(at::kDouble) / both;
    return f1.masked_select(both > 0).mean().item<double>();  // the mean of nothing is NaN
  }
  void reset() override {
    for (auto* counts : {&true_, &predicted_, &hits_}) *counts = at::zeros({classes_}, at::kLong);
  }
  Direction direction() const override { return Direction::higher_is_better; }
  std::string name() const override { return "macro_f1"; }

 private:
  int64_t classes_;
  at::Tensor true_, predicted_, hits_;  // long [C]
};

}  // namespace

void register_macro_f1(MetricRegistry& metrics) {
  metrics.add<NoOptions>("macro_f1",
                         "mean of the classes' F1; a class neither among truths nor predictions is left out", "",
                         [](const NoOptions&, int64_t classes) { return std::make_unique<MacroF1>(classes); });
}

}  // namespace polytask
