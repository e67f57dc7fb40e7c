#include <polytask/objectives/metrics/float_bins.h>
#include <polytask/objectives/metrics/score_sketch.h>

#include <algorithm>
#include <numeric>

namespace polytask {
namespace {

constexpr int kShift = 15;                            // 8 of 23 mantissa bits stay
constexpr uint32_t kHalfBin = 0x3F000000U >> kShift;  // the bin of 0.5

// Monotone in p; fine near 0 and near 1 alike.
size_t bin_of(float p) {
  p = std::min(std::max(p, 0.0F), 1.0F);
  return p <= 0.5F ? float_bin(p, kShift) : 2 * kHalfBin + 1 - float_bin(1 - p, kShift);
}

}  // namespace

void ScoreSketch::add(const MetricInput& batch) {
  const at::Tensor scores = batch.prediction.to(at::kFloat).contiguous();
  const at::Tensor labels = batch.target.gt(0.5).to(at::kByte).contiguous();
  const int64_t n = scores.numel();
  if (has_nan_ || scores.isnan().any().item<bool>()) {
    has_nan_ = true;
    return;
  }
  const float* score = scores.data_ptr<float>();
  const uint8_t* label = labels.data_ptr<uint8_t>();
  if (bins_.empty() && static_cast<int64_t>(scores_.size()) + n <= exact_samples_) {
    scores_.insert(scores_.end(), score, score + n);
    labels_.insert(labels_.end(), label, label + n);
    return;
  }
  bins_.resize(2 * kHalfBin + 2);
  count(scores_.data(), labels_.data(), static_cast<int64_t>(scores_.size()));
  std::vector<float>().swap(scores_);
  std::vector<uint8_t>().swap(labels_);
  count(score, label, n);
}

void ScoreSketch::count(const float* scores, const uint8_t* labels, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    Group& bin = bins_[bin_of(scores[i])];
    (labels[i] != 0 ? bin.positives : bin.negatives) += 1;
  }
}

void ScoreSketch::reset() { *this = ScoreSketch(exact_samples_); }

std::vector<ScoreSketch::Group> ScoreSketch::groups() const {
  return bins_.empty() ? exact_groups() : std::vector<Group>(bins_.rbegin(), bins_.rend());
}

std::vector<ScoreSketch::Group> ScoreSketch::exact_groups() const {
  std::vector<size_t> order(scores_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores_[a] > scores_[b]; });
  std::vector<Group> groups;
  for (size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || scores_[order[i]] != scores_[order[i - 1]]) groups.emplace_back();
    (labels_[order[i]] != 0 ? groups.back().positives : groups.back().negatives) += 1;
  }
  return groups;
}

}  // namespace polytask
