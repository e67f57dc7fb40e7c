#include <polytask/core/error.h>
#include <polytask/data/sources/normalize.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <exception>

namespace polytask {
namespace {

std::vector<double> per_channel(const std::vector<double>& values, int64_t channels, const char* name) {
  if (values.size() == 1) return std::vector<double>(static_cast<size_t>(channels), values[0]);
  if (static_cast<int64_t>(values.size()) != channels)
    throw InputError("data.{}: expected 1 or {} numbers (one per channel), got {}", name, channels, values.size());
  return values;
}

Preprocess given(const NormalizeOptions& options, const InputSpec& spec, double scale) {
  if (options.normalize != "auto")
    throw InputError("data.normalize: {}: leave it out where mean and std are given", options.normalize);
  if (options.mean.empty() || options.deviation.empty())
    throw InputError("data.mean and data.std must be given together");
  for (const double deviation : options.deviation)
    if (!(deviation > 0)) throw InputError("data.std: {} is out of range: must be > 0", number_text(deviation));
  return Preprocess::for_images(spec, scale, per_channel(options.mean, spec.shape[0], "mean"),
                                per_channel(options.deviation, spec.shape[0], "std"));
}

// Sums per channel about a pivot near the mean, so that large offsets cost no digits. NaN (no data) is left out.
class ChannelStatistics {
 public:
  void add(const at::Tensor& images, double scale) {
    const at::Tensor values = images.to(at::kDouble) * scale;
    if (!pivot_.defined()) {
      pivot_ = values.nanmean({0, 2, 3}, true).nan_to_num(0.0);
      sum_ = at::zeros({values.size(1)}, at::kDouble);
      squares_ = at::zeros_like(sum_);
      count_ = at::zeros_like(sum_);
    }
    const at::Tensor residual = values - pivot_;
    sum_ += residual.nansum({0, 2, 3});
    squares_ += residual.square().nansum({0, 2, 3});
    count_ += values.isnan().logical_not().sum({0, 2, 3});
  }
  bool empty() const { return !pivot_.defined(); }
  /// The first channel of which no value was seen; −1: there is none.
  int64_t missing_channel() const {
    const at::Tensor without = count_.eq(0).nonzero();
    return without.numel() == 0 ? -1 : without[0].item<int64_t>();
  }
  std::vector<double> mean() const { return list(pivot_.view({-1}) + sum_ / count_); }
  std::vector<double> deviation() const {
    const at::Tensor variance = (squares_ / count_ - (sum_ / count_).square()).clamp_min(0);
    return list(at::where(variance > 0, variance.sqrt(), at::ones_like(variance)));
  }

 private:
  static std::vector<double> list(const at::Tensor& values) {
    const at::Tensor dense = values.contiguous();
    return {dense.data_ptr<double>(), dense.data_ptr<double>() + dense.numel()};
  }

  at::Tensor pivot_, sum_, squares_, count_;
};

Preprocess computed(const InputSpec& spec, double scale, const std::vector<int64_t>& rows, const ReadRows& read,
                    int64_t most) {
  const auto n = static_cast<int64_t>(rows.size());
  const int64_t used = std::min(n, most);
  std::vector<int64_t> sample;
  for (int64_t i = 0; i < used; ++i) sample.push_back(rows[static_cast<size_t>(i * n / used)]);

  ChannelStatistics statistics;
  std::exception_ptr failure;
  const auto add = [&](c10::ArrayRef<int64_t> chunk) {
    try {
      statistics.add(read(chunk), scale);
      return true;
    } catch (const InputError&) {
      failure = std::current_exception();
      return false;
    }
  };
  constexpr size_t kChunk = 64;
  const c10::ArrayRef<int64_t> all(sample);
  for (size_t begin = 0; begin < sample.size(); begin += kChunk) {
    const auto chunk = all.slice(begin, std::min(kChunk, sample.size() - begin));
    if (add(chunk)) continue;
    for (const int64_t row : chunk) add(row);
  }
  if (statistics.empty() && failure) std::rethrow_exception(failure);
  if (statistics.empty()) throw InputError("data.normalize: there is no training row to compute mean and std of");
  if (const int64_t channel = statistics.missing_channel(); channel >= 0)
    throw InputError("data.normalize: channel {} of input \"{}\" has no value in any training row", channel, spec.name);
  return Preprocess::for_images(spec, scale, statistics.mean(), statistics.deviation());
}

}  // namespace

void NormalizeOptions::fields(Fields& f, const std::vector<std::string>& choices) {
  f.field(
      "normalize", normalize,
      "auto: to mean 0 and standard deviation 1 per channel, over the training rows; none: as stored (photographs as "
      "0…1)",
      one_of(choices));
  f.field("mean", mean, "mean per channel, in place of the computed one (photographs as 0…1)");
  f.field("std", deviation, "standard deviation per channel, with `mean`");
}

Preprocess fit_normalize(const NormalizeOptions& options, const InputSpec& spec, double scale,
                         const std::vector<int64_t>& rows, const ReadRows& read, int64_t most) {
  if (!options.mean.empty() || !options.deviation.empty()) return given(options, spec, scale);
  const auto channels = static_cast<size_t>(spec.shape[0]);
  if (options.normalize == "none")
    return Preprocess::for_images(spec, scale, std::vector<double>(channels, 0), std::vector<double>(channels, 1));
  if (options.normalize == "imagenet") {
    if (channels != 3) throw InputError("data.normalize: imagenet needs 3 channels, the images have {}", channels);
    return Preprocess::for_images(spec, scale, {0.485, 0.456, 0.406}, {0.229, 0.224, 0.225});
  }
  return computed(spec, scale, rows, read, most);
}

}  // namespace polytask
