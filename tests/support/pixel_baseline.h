#pragma once
#include <polytask/core/error.h>
#include <polytask/data/source.h>

#include <fmt/format.h>
#include <support/baselines.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace polytask {

/// What linear models reach that look at one cell at a time.
struct PixelScores {
  double miou = 0, accuracy = 0;
  double height_rmse = 0, height_r2 = 0, biomass_rmse = 0, biomass_r2 = 0;
};

inline std::string pixel_scores_text(int64_t window, const PixelScores& s) {
  return fmt::format(
      "window {:2}: genus mIoU {:.3f}, accuracy {:.3f}; height RMSE {:.2f} m, R² {:.3f}; biomass RMSE {:.1f} Mg/ha, R² "
      "{:.3f}",
      window, s.miou, s.accuracy, s.height_rmse, s.height_r2, s.biomass_rmse, s.biomass_r2);
}

/// Multinomial logistic regression of layer genus, and linear regressions of layers height and biomass, on the
/// speckle-filtered backscatter of the cell: power is averaged over window × window cells, then given in dB. Cells
/// whose whole window is a gap get the training mean. Fitted on a subset of the labelled cells of `train`, scored on
/// all of `test`.
class PixelBaseline {
 public:
  PixelBaseline(const Source& source, int64_t window, bool decibels)
      : source_(source), window_(window), decibels_(decibels) {}

  PixelScores scores(const std::vector<int64_t>& train, const std::vector<int64_t>& test) const {
    const at::Tensor seen = features(train);
    const at::Tensor known = seen.isnan().any(1).logical_not();
    const at::Tensor mean = seen.index({known}).mean(0, true);
    const auto filled = [&](const at::Tensor& values) { return at::where(values.isnan(), mean, values); };
    const at::Tensor fitted = filled(seen), tested = filled(features(test));
    PixelScores scores;
    score_genus(fitted, labels("genus", train), tested, labels("genus", test), scores);
    score_numbers(fitted, labels("height", train), tested, labels("height", test), scores.height_rmse,
                  scores.height_r2);
    score_numbers(fitted, labels("biomass", train), tested, labels("biomass", test), scores.biomass_rmse,
                  scores.biomass_r2);
    return scores;
  }

 private:
  static constexpr int64_t kMostFitted = 40000;

  // [cells, channels], in dB; NaN where the window is a gap.
  at::Tensor features(const std::vector<int64_t>& rows) const {
    std::vector<at::Tensor> parts;
    for (size_t begin = 0; begin < rows.size(); begin += 64) {
      const auto chunk = c10::ArrayRef<int64_t>(rows).slice(begin, std::min<size_t>(64, rows.size() - begin));
      at::Tensor power = source_.read(0, chunk);
      if (decibels_) power = at::pow(10, power / 10);
      const at::Tensor valid = power.isnan().logical_not().to(at::kFloat);
      const auto average = [&](const at::Tensor& values) {
        return at::avg_pool2d(values, {window_, window_}, {1, 1}, {window_ / 2, window_ / 2});
      };
      parts.push_back((average(power.nan_to_num(0)) / average(valid)).log10().mul_(10).movedim(1, 3).flatten(0, 2));
    }
    return at::cat(parts);
  }

  size_t layer(const std::string& name) const {
    const auto layers = source_.layers();
    for (size_t k = 0; k < layers.size(); ++k)
      if (layers[k].name == name) return k;
    throw InputError("the source has no layer \"{}\"", name);
  }
  at::Tensor labels(const std::string& name, const std::vector<int64_t>& rows) const {
    return source_.read_layer(static_cast<int64_t>(layer(name)), rows).flatten();
  }

  struct Cells {
    at::Tensor features, target;
  };
  // Those with a label; `most`: evenly spaced ones.
  static Cells labelled(const at::Tensor& features, const at::Tensor& target, int64_t most) {
    at::Tensor at = target.isnan().logical_not().nonzero().view({-1});
    const int64_t step = std::max<int64_t>(1, at.size(0) / most);
    at = at.slice(0, 0, at.size(0), step);
    return {features.index_select(0, at), target.index_select(0, at)};
  }

  void score_genus(const at::Tensor& seen, const at::Tensor& target, const at::Tensor& test, const at::Tensor& truth,
                   PixelScores& scores) const {
    const auto classes = static_cast<int64_t>(source_.layers().at(layer("genus")).class_names.size());
    const Cells fit = labelled(seen, target, kMostFitted), held = labelled(test, truth, truth.numel());
    const at::Tensor w = fit_multinomial(fit.features, fit.target.to(at::kLong), classes, 1e-7);
    const at::Tensor guess = predict_linear(held.features, w).argmax(1), right = held.target.to(at::kLong);
    double sum = 0, present = 0;
    for (int64_t c = 0; c < classes; ++c) {
      const at::Tensor is = right.eq(c), said = guess.eq(c);
      const auto both = is.logical_and(said).sum().item<double>(), either = is.logical_or(said).sum().item<double>();
      if (either == 0) continue;
      sum += both / either;
      ++present;
    }
    scores.miou = sum / present;
    scores.accuracy = guess.eq(right).to(at::kDouble).mean().item<double>();
  }

  static void score_numbers(const at::Tensor& seen, const at::Tensor& target, const at::Tensor& test,
                            const at::Tensor& truth, double& rmse, double& r2) {
    const Cells fit = labelled(seen, target, kMostFitted), held = labelled(test, truth, truth.numel());
    const at::Tensor w = fit_ridge(fit.features, fit.target.unsqueeze(1), 1e-6);
    const at::Tensor right = held.target.to(at::kDouble);
    const at::Tensor error = predict_linear(held.features, w).view({-1}) - right;
    rmse = error.square().mean().sqrt().item<double>();
    r2 = 1 - error.square().mean().item<double>() / right.var(/*unbiased=*/false).item<double>();
  }

  const Source& source_;
  int64_t window_;
  bool decibels_;
};

}  // namespace polytask
