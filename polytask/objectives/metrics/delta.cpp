#include <polytask/objectives/metrics/hit_share.h>
#include <polytask/objectives/metrics/register.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/maximum.h>

#include <cmath>

namespace polytask {
namespace {

struct DeltaOptions {
  int64_t n = 1;
  void fields(Fields& f) { f.field("n", n, "the ratio that still counts is 1.25 to this power", at_least(1)); }
};

class Delta : public HitShare {
 public:
  explicit Delta(int64_t n) : HitShare(fmt::format("delta_{}", n)), limit_(std::pow(1.25, static_cast<double>(n))) {}

  void update(const MetricInput& batch) override {
    const at::Tensor counted = batch.target.gt(0);
    const at::Tensor target = batch.target.masked_select(counted).to(at::kDouble);
    const at::Tensor prediction = batch.prediction.masked_select(counted).to(at::kDouble);
    const at::Tensor ratio = at::maximum(prediction / target, target / prediction);
    count(ratio.lt(limit_).logical_and(prediction.gt(0)));
  }

 private:
  double limit_;
};

}  // namespace

void register_delta(MetricRegistry& metrics) {
  metrics.add<DeltaOptions>("delta",
                            "share of values within a factor: max(p/t, t/p) < 1.25^n; predictions ≤ 0 are outside, "
                            "targets ≤ 0, which have no ratio, are left out",
                            "Eigen et al. 2014, section 4.2",
                            [](const DeltaOptions& options, int64_t) { return std::make_unique<Delta>(options.n); });
}

}  // namespace polytask
