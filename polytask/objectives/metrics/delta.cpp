#include <polytask/objectives/metrics/register.h>

#include <ATen/ops/maximum.h>

#include <cmath>
#include <limits>

namespace polytask {
namespace {

struct DeltaOptions {
  int64_t n = 1;
  void fields(Fields& f) { f.field("n", n, "the ratio that still counts is 1.25 to this power", at_least(1)); }
};

class Delta : public Metric {
 public:
  explicit Delta(int64_t n) : n_(n) {}

  void update(const MetricInput& batch) override {
    const at::Tensor counted = batch.target.gt(0);
    const at::Tensor target = batch.target.masked_select(counted).to(at::kDouble);
    const at::Tensor prediction = batch.prediction.masked_select(counted).to(at::kDouble);
    const at::Tensor ratio = at::maximum(prediction / target, target / prediction);
    const double limit = std::pow(1.25, static_cast<double>(n_));
    hits_ += ratio.lt(limit).logical_and(prediction.gt(0)).sum().item<int64_t>();
    seen_ += target.size(0);
  }
  double value() const override {
    if (seen_ == 0) return std::numeric_limits<double>::quiet_NaN();
    return static_cast<double>(hits_) / static_cast<double>(seen_);
  }
  void reset() override { hits_ = seen_ = 0; }
  Direction direction() const override { return Direction::higher_is_better; }
  std::string name() const override { return fmt::format("delta_{}", n_); }

 private:
  int64_t n_, hits_ = 0, seen_ = 0;
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
