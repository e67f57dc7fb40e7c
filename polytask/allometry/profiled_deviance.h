#pragma once
#include <polytask/allometry/mixed_model.h>
#include <polytask/solvers/upper_factor.h>

#include <array>
#include <cstdint>
#include <vector>

namespace polytask {

/// −2 log-likelihood (restricted for REML) of the mixed model as a function of Λ alone, and what goes with a Λ. Holds
/// sums about the centre for each genus; an evaluation visits each genus once.
class ProfiledDeviance {
 public:
  ProfiledDeviance(const std::vector<Moments>& genera, int columns, const std::array<double, 2>& centre, bool reml);

  int64_t genera() const { return static_cast<int64_t>(genera_.size()); }
  int64_t rows(int64_t genus) const { return genera_[static_cast<size_t>(genus)].n; }
  double value(const RelativeFactor& factor);

  struct Solution {
    std::vector<double> fixed;  ///< μ
    Matrix fixed_covariance;
    double sigma2 = 0;
    Symmetric2 t;  ///< σ² Λ Λᵀ
  };
  Solution solve(const RelativeFactor& factor);
  EffectData effect_data(int64_t genus, const std::vector<double>& fixed) const;

 private:
  static constexpr size_t kWidest = 4;  // 1, two columns, y
  static size_t place(int row, int column) { return static_cast<size_t>(row) * kWidest + static_cast<size_t>(column); }
  // Products with the columns (1, u₁, u₂, y) of a genus, all about the centre; y last.
  struct Genus {
    int64_t n = 0;
    std::array<double, kWidest> z0{}, z1{};  // of the constant, of u₁
  };

  bool eliminate(const RelativeFactor& factor);
  int64_t degrees() const { return reml_ ? n_ - p_ : n_; }

  std::vector<Genus> genera_;
  int p_;  // fixed effects
  bool reml_;
  int64_t n_ = 0;
  double centre_y_ = 0;
  Matrix products_;     // (X, y)ᵀ(X, y)
  UpperFactor factor_;  // of products_ less what the random effects take
  double log_effects_ = 0, log_fixed_ = 0, rss_ = 0;
  std::vector<double> fixed_;
};

}  // namespace polytask
