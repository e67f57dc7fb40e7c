#pragma once
#include <polytask/core/options.h>
#include <polytask/data/input_spec.h>

#include <ATen/core/Tensor.h>
#include <c10/util/ArrayRef.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace polytask {

/// How the channels of images are brought to a common range, shared by the sources that read images.
struct NormalizeOptions {
  std::string normalize = "auto";
  std::vector<double> mean, deviation;  // "std"
  bool by_rows() const { return normalize == "auto" && mean.empty() && deviation.empty(); }
  /// `choices`: of auto, none, imagenet.
  void fields(Fields& f, const std::vector<std::string>& choices);
};

/// Reads rows as [B, C, H, W].
using ReadRows = std::function<at::Tensor(c10::ArrayRef<int64_t>)>;

/// auto: mean and standard deviation of each channel over `rows` (evenly spaced, at most `most` of them; unreadable
/// samples are left to whoever reads them for training, unless none can be read), without NaN pixels. `scale` brings
/// stored values to 0…1. Throws InputError for mean and std of the wrong length, a std that is not positive, `imagenet`
/// without 3 channels, and a channel without any value.
Preprocess fit_normalize(const NormalizeOptions& options, const InputSpec& spec, double scale,
                         const std::vector<int64_t>& rows, const ReadRows& read, int64_t most);

}  // namespace polytask
