#include <polytask/objectives/metrics/hit_share.h>
#include <polytask/objectives/metrics/predicted_classes.h>
#include <polytask/objectives/metrics/register.h>

namespace polytask {
namespace {

class Accuracy : public HitShare {
 public:
  using HitShare::HitShare;
  void update(const MetricInput& batch) override { count(predicted_classes(batch.prediction).eq(batch.target)); }
};

}  // namespace

void register_accuracy(MetricRegistry& metrics) {
  metrics.add<NoOptions>("accuracy", "share of samples whose most probable class is the true one", "",
                         [](const NoOptions&, int64_t) { return std::make_unique<Accuracy>("accuracy"); });
}

void register_pixel_accuracy(MetricRegistry& metrics) {
  metrics.add<NoOptions>("pixel_accuracy", "share of labelled pixels whose most probable class is the true one", "",
                         [](const NoOptions&, int64_t) { return std::make_unique<Accuracy>("pixel_accuracy"); });
}

}  // namespace polytask
