#include <polytask/objectives/metrics/register.h>

#include <ATen/ops/arange.h>

#include <limits>

namespace polytask {
namespace {

struct TopKOptions {
  int64_t k = 5;
  void fields(Fields& f) { f.field("k", k, "how many of the most probable classes count", at_least(1)); }
};

class TopK : public Metric {
 public:
  explicit TopK(int64_t k) : k_(k) {}

  void update(const MetricInput& batch) override {
    const at::Tensor& p = batch.prediction;                     // [n, C]
    const at::Tensor target = batch.target.unsqueeze(1);        // [n, 1]
    const at::Tensor own = p.gather(1, target);                 // [n, 1]
    const at::Tensor earlier = at::arange(p.size(1)) < target;  // of equal classes the first ranks higher
    const at::Tensor rank = p.gt(own).logical_or(p.eq(own).logical_and(earlier)).sum(1);
    hits_ += rank.lt(k_).logical_and(own.squeeze(1).isfinite()).sum().item<int64_t>();
    seen_ += target.size(0);
  }
  double value() const override {
    if (seen_ == 0) return std::numeric_limits<double>::quiet_NaN();
    return static_cast<double>(hits_) / static_cast<double>(seen_);
  }
  void reset() override { hits_ = seen_ = 0; }
  Direction direction() const override { return Direction::higher_is_better; }
  std::string name() const override { return fmt::format("top_{}", k_); }

 private:
  int64_t k_, hits_ = 0, seen_ = 0;
};

}  // namespace

void register_top_k(MetricRegistry& metrics) {
  metrics.add<TopKOptions>(
      "top_k",
      "share of samples whose true class is among the k most probable (equal ones in the order of the classes)", "",
      [](const TopKOptions& options, int64_t classes) {
        if (options.k > classes) throw InputError("top_k: k is {}, but there are only {} classes", options.k, classes);
        return std::make_unique<TopK>(options.k);
      });
}

}  // namespace polytask
