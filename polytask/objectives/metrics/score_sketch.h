#pragma once
#include <polytask/core/options.h>
#include <polytask/objectives/metric.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace polytask {

/// Scores (probabilities) with 0/1 labels, in bounded memory: exact, as float, up to `exact_samples`; beyond, counts in
/// 64 514 fixed bins whose width is at most 1/256 of the distance to the nearer of 0 and 1, in which scores count as
/// equal.
class ScoreSketch {
 public:
  explicit ScoreSketch(int64_t exact_samples) : exact_samples_(exact_samples) {}

  void add(const MetricInput& batch);
  void reset();

  /// The samples of one score (or bin).
  struct Group {
    double positives = 0, negatives = 0;
  };
  /// All groups, highest score first.
  std::vector<Group> groups() const;
  /// A NaN score was seen: no ranking exists.
  bool has_nan() const { return has_nan_; }

 private:
  void count(const float* scores, const uint8_t* labels, int64_t n);
  std::vector<Group> exact_groups() const;

  int64_t exact_samples_;
  bool has_nan_ = false;
  std::vector<float> scores_;
  std::vector<uint8_t> labels_;
  std::vector<Group> bins_;  ///< empty while exact
};

/// The option of metrics that rank.
struct RankingOptions {
  int64_t exact_samples = 1'000'000;
  void fields(Fields& f) {
    f.field("exact_samples", exact_samples, "samples up to which the value is exact; beyond, fixed bins are counted",
            at_least(0));
  }
};

}  // namespace polytask
