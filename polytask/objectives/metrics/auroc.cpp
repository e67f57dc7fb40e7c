#include <polytask/objectives/metrics/register.h>
#include <polytask/objectives/metrics/score_sketch.h>

#include <limits>

namespace polytask {
namespace {

class Auroc : public Metric {
 public:
  explicit Auroc(int64_t exact_samples) : sketch_(exact_samples) {}

  void update(const MetricInput& batch) override { sketch_.add(batch); }
  double value() const override {
    double above = 0, pairs = 0, negatives = 0;  // above: positives of higher score than the group at hand
    for (const auto& group : sketch_.groups()) {
      pairs += group.negatives * (above + 0.5 * group.positives);
      above += group.positives;
      negatives += group.negatives;
    }
    if (sketch_.has_nan() || above == 0 || negatives == 0) return std::numeric_limits<double>::quiet_NaN();
    return pairs / (above * negatives);
  }
  void reset() override { sketch_.reset(); }
  Direction direction() const override { return Direction::higher_is_better; }
  std::string name() const override { return "auroc"; }

 private:
  ScoreSketch sketch_;
};

}  // namespace

void register_auroc(MetricRegistry& metrics) {
  metrics.add<RankingOptions>(
      "auroc", "probability that a positive sample scores higher than a negative one, equal scores counting half",
      "Hanley and McNeil 1982",
      [](const RankingOptions& options, int64_t) { return std::make_unique<Auroc>(options.exact_samples); });
}

}  // namespace polytask
