#include <polytask/objectives/metrics/hit_share.h>
#include <polytask/objectives/metrics/register.h>

namespace polytask {
namespace {

class BinaryAccuracy : public HitShare {
 public:
  using HitShare::HitShare;
  void update(const MetricInput& batch) override {
    const at::Tensor hits = batch.prediction.ge(0.5).eq(batch.target.gt(0.5));
    count(hits.logical_and(batch.prediction.isfinite()));
  }
};

}  // namespace

void register_binary_accuracy(MetricRegistry& metrics) {
  metrics.add<NoOptions>("accuracy", "share of samples on the right side of probability 0.5 (0.5 itself is positive)",
                         "", [](const NoOptions&, int64_t) { return std::make_unique<BinaryAccuracy>("accuracy"); });
}

}  // namespace polytask
