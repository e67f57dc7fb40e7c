#include <polytask/objectives/metrics/register.h>
#include <polytask/objectives/metrics/score_sketch.h>

#include <limits>

namespace polytask {
namespace {

class AveragePrecision : public Metric {
 public:
  explicit AveragePrecision(int64_t exact_samples) : sketch_(exact_samples) {}

  void update(const MetricInput& batch) override { sketch_.add(batch); }
  double value() const override {
    double positives = 0, seen = 0, sum = 0;
    for (const auto& group : sketch_.groups()) {
      positives += group.positives;
      seen += group.positives + group.negatives;
      if (group.positives > 0) sum += group.positives * positives / seen;
    }
    if (sketch_.has_nan() || positives == 0) return std::numeric_limits<double>::quiet_NaN();
    return sum / positives;
  }
  void reset() override { sketch_.reset(); }
  Direction direction() const override { return Direction::higher_is_better; }
  std::string name() const override { return "average_precision"; }

 private:
  ScoreSketch sketch_;
};

}  // namespace

void register_average_precision(MetricRegistry& metrics) {
  metrics.add<RankingOptions>(
      "average_precision", "precision averaged over the steps of recall, Σ (R_n − R_{n−1}) P_n, no interpolation", "",
      [](const RankingOptions& options, int64_t) { return std::make_unique<AveragePrecision>(options.exact_samples); });
}

}  // namespace polytask
