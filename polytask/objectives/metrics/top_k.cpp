#include <polytask/objectives/metrics/hit_share.h>
#include <polytask/objectives/metrics/register.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>

namespace polytask {
namespace {

struct TopKOptions {
  int64_t k = 5;
  void fields(Fields& f) { f.field("k", k, "how many of the most probable classes count", at_least(1)); }
};

class TopK : public HitShare {
 public:
  explicit TopK(int64_t k) : HitShare(fmt::format("top_{}", k)), k_(k) {}

  void update(const MetricInput& batch) override {
    const at::Tensor& p = batch.prediction;                     // [n, C]
    const at::Tensor target = batch.target.unsqueeze(1);        // [n, 1]
    const at::Tensor own = p.gather(1, target);                 // [n, 1]
    const at::Tensor earlier = at::arange(p.size(1)) < target;  // of equal classes the first ranks higher
    const at::Tensor rank = p.gt(own).logical_or(p.eq(own).logical_and(earlier)).sum(1);
    count(rank.lt(k_).logical_and(own.squeeze(1).isfinite()));
  }

 private:
  int64_t k_;
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
