#include <polytask/objectives/metrics/register.h>

namespace polytask {
namespace {

/// The mean over the classes that occur of intersection over union, from one confusion matrix over everything seen.
class MeanIou : public Metric {
 public:
  explicit MeanIou(int64_t classes) : confusion_(classes) {}
  void update(const MetricInput& batch) override { confusion_.update(batch); }
  double value() const override {
    const at::Tensor iou = class_iou(confusion_);
    return iou.masked_select(iou.isnan().logical_not()).mean().item<double>();  // the mean of nothing is NaN
  }
  void reset() override { confusion_.reset(); }
  Direction direction() const override { return Direction::higher_is_better; }
  std::string name() const override { return "miou"; }

 private:
  ConfusionMatrix confusion_;
};

}  // namespace

void register_miou(MetricRegistry& metrics) {
  metrics.add<NoOptions>(
      "miou", "mean over classes of intersection over union; a class neither among truths nor predictions is left out",
      "", [](const NoOptions&, int64_t classes) { return std::make_unique<MeanIou>(classes); });
}

}  // namespace polytask
