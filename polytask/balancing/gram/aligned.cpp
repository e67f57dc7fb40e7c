#include <polytask/balancing/gram/aligned.h>
#include <polytask/balancing/gram/register.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>

namespace polytask {

void AlignedOptions::fields(Fields& f) {
  f.field("convention", convention,
          "whose preference where none is given: 1 for every task, torchjd 1/T; and whose weights where every gradient "
          "is 0: 0, torchjd the preference",
          one_of({"paper", "libmtl", "torchjd", "samsung"}));
  f.field("scale_mode", scale_mode,
          "length that all principal components get: that of the shortest, the median, or the root of the mean square",
          one_of({"min", "median", "rmse"}));
  f.field("preference", preference, "importance of each task, in the order of the tasks; default: the convention's");
  f.field("precision", precision, "whose rounding decides which components count as zero",
          one_of({"float64", "float32"}));
}

Aligned::Aligned(const AlignedOptions& options)
    : scale_mode_(options.scale_mode),
      preference_("aligned", options.preference),
      torchjd_(options.convention == "torchjd"),
      epsilon_(options.precision == "float32" ? std::numeric_limits<float>::epsilon()
                                              : std::numeric_limits<double>::epsilon()) {}

void Aligned::setup(const std::vector<TaskInfo>& tasks) { preference_.setup(tasks); }

double Aligned::scale(size_t dropped) const {
  const auto& values = eigen_.values();
  const size_t kept = values.size() - dropped;
  if (scale_mode_ == "min") return std::sqrt(values[dropped]);
  if (scale_mode_ == "median") return std::sqrt(values[dropped + (kept - 1) / 2]);
  const auto first = values.begin() + static_cast<std::ptrdiff_t>(dropped);
  return std::sqrt(std::accumulate(first, values.end(), 0.0) / static_cast<double>(kept));
}

void Aligned::combine(size_t dropped, const std::vector<double>& preference, std::vector<double>& w) const {
  const Matrix& v = eigen_.vectors();
  const double length = scale(dropped);
  for (size_t k = dropped; k < w.size(); ++k) {
    const auto column = static_cast<int64_t>(k);
    double along = 0;
    for (size_t i = 0; i < w.size(); ++i) along += v(static_cast<int64_t>(i), column) * preference[i];
    along *= length / std::sqrt(eigen_.values()[k]);
    for (size_t i = 0; i < w.size(); ++i) w[i] += along * v(static_cast<int64_t>(i), column);
  }
}

GramWeights Aligned::weigh(const GramState& gram, const LossState&) {
  const auto count = static_cast<double>(gram.rows());
  const auto preference = preference_.of(gram.tasks, torchjd_ ? 1 / count : 1);
  GramWeights weights;
  weights.w = preference;
  weights.solver.solved = eigen_.compute(gram.gram);
  if (!weights.solver.solved) return weights;
  const auto& values = eigen_.values();
  const double least = values.back() * count * epsilon_;
  const auto kept =
      std::find_if(values.begin(), values.end(), [&](double value) { return value > 0 && value > least; });
  if (kept == values.end() && torchjd_) return weights;
  std::fill(weights.w.begin(), weights.w.end(), 0.0);
  if (kept != values.end()) combine(static_cast<size_t>(kept - values.begin()), preference, weights.w);
  return weights;
}

void register_aligned(BalancerRegistry& registry) {
  add_gram_weighting<AlignedOptions>(registry, "aligned",
                                     "All principal components of the gradients brought to one length (Aligned-MTL)",
                                     "Senushkin, Patakin, Kuznetsov, Konushin, CVPR 2023",
                                     [](const AlignedOptions& options) { return std::make_unique<Aligned>(options); });
}

}  // namespace polytask
