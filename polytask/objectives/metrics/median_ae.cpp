#include <polytask/objectives/metrics/float_bins.h>
#include <polytask/objectives/metrics/register.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace polytask {
namespace {

constexpr int kShift = 12;  // 11 of 23 mantissa bits stay
constexpr float kInfinity = std::numeric_limits<float>::infinity();

uint32_t bin_of(double error) {
  const bool fits = error <= static_cast<double>(std::numeric_limits<float>::max());
  return float_bin(fits ? static_cast<float>(error) : kInfinity, kShift);
}

struct MedianOptions {
  int64_t exact_samples = 1'000'000;
  void fields(Fields& f) {
    f.field("exact_samples", exact_samples,
            "samples up to which the median is exact; beyond, it is known to 1/4096 of its value", at_least(0));
  }
};

class MedianAe : public Metric {
 public:
  explicit MedianAe(int64_t exact_samples) : exact_samples_(exact_samples) {}

  void update(const MetricInput& batch) override {
    const at::Tensor errors = (batch.prediction - batch.target).to(at::kDouble).abs().contiguous();
    const int64_t n = errors.numel();
    has_nan_ = has_nan_ || errors.isnan().any().item<bool>();
    if (has_nan_) return;
    const double* error = errors.data_ptr<double>();
    seen_ += n;
    if (bins_.empty() && seen_ <= exact_samples_) {
      errors_.insert(errors_.end(), error, error + n);
      return;
    }
    bins_.resize(float_bin(kInfinity, kShift) + 1);
    count(errors_.data(), static_cast<int64_t>(errors_.size()));
    std::vector<double>().swap(errors_);
    count(error, n);
  }
  double value() const override {
    if (has_nan_ || seen_ == 0) return std::numeric_limits<double>::quiet_NaN();
    const int64_t low = (seen_ - 1) / 2, high = seen_ / 2;
    return bins_.empty() ? 0.5 * (ranked(low) + ranked(high)) : 0.5 * (binned(low) + binned(high));
  }
  void reset() override { *this = MedianAe(exact_samples_); }
  Direction direction() const override { return Direction::lower_is_better; }
  std::string name() const override { return "median_ae"; }
  bool in_target_units() const override { return true; }

 private:
  void count(const double* errors, int64_t n) {
    for (int64_t i = 0; i < n; ++i) ++bins_[bin_of(errors[i])];
  }
  double ranked(int64_t rank) const {
    std::vector<double> sorted = errors_;
    std::nth_element(sorted.begin(), sorted.begin() + rank, sorted.end());
    return sorted[static_cast<size_t>(rank)];
  }
  // The middle of the bin that holds the error of that rank.
  double binned(int64_t rank) const {
    uint32_t bin = 0;
    for (int64_t below = bins_[0]; below <= rank; below += bins_[bin]) ++bin;
    const double edge = bin_edge(bin, kShift);
    return std::isinf(edge) || bin == 0 ? edge : 0.5 * (edge + static_cast<double>(bin_edge(bin + 1, kShift)));
  }

  int64_t exact_samples_, seen_ = 0;
  bool has_nan_ = false;
  std::vector<double> errors_;
  std::vector<int64_t> bins_;  ///< empty while exact
};

}  // namespace

void register_median_ae(MetricRegistry& metrics) {
  metrics.add<MedianOptions>(
      "median_ae", "median absolute error, in the target's unit", "",
      [](const MedianOptions& options, int64_t) { return std::make_unique<MedianAe>(options.exact_samples); });
}

}  // namespace polytask
