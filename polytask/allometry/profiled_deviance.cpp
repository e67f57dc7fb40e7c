#include <polytask/allometry/profiled_deviance.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace polytask {
namespace {

constexpr double kTwoPi = 6.283185307179586;

// Σ (u − a)(v − b) over the rows, for any a and b.
double product_about(const Moments& m, int u, double a, int v, double b) {
  return m.sum(u, v) + static_cast<double>(m.n()) * (m.mean(u) - a) * (m.mean(v) - b);
}

double mean_y(const std::vector<Moments>& genera) {
  double sum = 0, n = 0;
  for (const auto& m : genera) {
    sum += static_cast<double>(m.n()) * m.mean(Moments::kY);
    n += static_cast<double>(m.n());
  }
  return sum / n;
}

}  // namespace

ProfiledDeviance::ProfiledDeviance(const std::vector<Moments>& genera, int columns, const std::array<double, 2>& centre,
                                   bool reml)
    : p_(columns + 1), reml_(reml), centre_y_(mean_y(genera)), products_(p_ + 1, p_ + 1) {
  // Variables of the moments in the order of (u₁, u₂, y), with their centres.
  std::vector<int> variable;
  std::vector<double> about;
  for (int i = 0; i < columns; ++i) {
    variable.push_back(i);
    about.push_back(centre[static_cast<size_t>(i)]);
  }
  variable.push_back(Moments::kY);
  about.push_back(centre_y_);
  for (const auto& m : genera) {
    Genus genus;
    genus.n = m.n();
    const auto n = static_cast<double>(m.n());
    genus.z0[0] = n;
    products_(0, 0) += n;
    for (size_t i = 0; i < variable.size(); ++i) {
      const double first = n * (m.mean(variable[i]) - about[i]);
      genus.z0[i + 1] = first;
      genus.z1[i + 1] = product_about(m, variable[0], about[0], variable[i], about[i]);
      products_(0, static_cast<int64_t>(i) + 1) += first;
      for (size_t j = i; j < variable.size(); ++j)
        products_(static_cast<int64_t>(i) + 1, static_cast<int64_t>(j) + 1) +=
            product_about(m, variable[i], about[i], variable[j], about[j]);
    }
    genus.z1[0] = genus.z0[1];
    n_ += m.n();
    genera_.push_back(genus);
  }
  factor_.reserve(p_);
  fixed_.resize(static_cast<size_t>(p_));
}

// With M = ΛᵀZᵀZΛ + I = LLᵀ and V = L⁻¹ΛᵀZᵀ(X, y) for each genus, (X, y)ᵀ(X, y) − Σ VᵀV is what is left for the fixed
// effects; log|M| adds up.
bool ProfiledDeviance::eliminate(const RelativeFactor& f) {
  const int width = p_ + 1;
  std::array<double, kWidest * kWidest> left{};
  for (int i = 0; i < width; ++i)
    for (int j = i; j < width; ++j) left[place(i, j)] = products_(i, j);
  log_effects_ = 0;
  std::array<double, kWidest> v0{}, v1{};
  for (const auto& g : genera_) {
    if (g.n == 0) continue;
    const double zz00 = g.z0[0], zz01 = g.z0[1], zz11 = g.z1[1];
    const double m00 = 1 + f.a * f.a * zz00 + 2 * f.a * f.b * zz01 + f.b * f.b * zz11;
    const double m01 = f.d * (f.a * zz01 + f.b * zz11);
    const double m11 = 1 + f.d * f.d * zz11;
    const double l00 = std::sqrt(m00), l10 = m01 / l00, l11 = std::sqrt(m11 - l10 * l10);
    log_effects_ += 2 * std::log(l00 * l11);
    for (int i = 0; i < width; ++i) {
      const auto at = static_cast<size_t>(i);
      v0[at] = (f.a * g.z0[at] + f.b * g.z1[at]) / l00;
      v1[at] = (f.d * g.z1[at] - l10 * v0[at]) / l11;
    }
    for (int i = 0; i < width; ++i)
      for (int j = i; j < width; ++j) {
        const auto a = static_cast<size_t>(i), b = static_cast<size_t>(j);
        left[a * kWidest + b] -= v0[a] * v0[b] + v1[a] * v1[b];
      }
  }
  log_fixed_ = 0;
  for (int i = 0; i < p_; ++i)
    for (int j = i; j < p_; ++j) factor_.row(i)[j] = left[place(i, j)];
  if (!factor_.factor(p_, 1e-14)) return false;
  for (int i = 0; i < p_; ++i) {
    log_fixed_ += 2 * std::log(factor_.row(i)[i]);
    fixed_[static_cast<size_t>(i)] = left[place(i, p_)];
  }
  factor_.solve(fixed_.data());
  const double total = products_(p_, p_);
  rss_ = left[place(p_, p_)];
  for (int i = 0; i < p_; ++i) rss_ -= fixed_[static_cast<size_t>(i)] * left[place(i, p_)];
  // Rows that a law fits to the last digit leave only rounding.
  constexpr double kRounding = 1e-15;
  rss_ = std::max(rss_, kRounding * total + std::numeric_limits<double>::min());
  return std::isfinite(rss_);
}

double ProfiledDeviance::value(const RelativeFactor& factor) {
  if (!eliminate(factor)) return std::numeric_limits<double>::infinity();
  const auto degrees = static_cast<double>(this->degrees());
  return log_effects_ + (reml_ ? log_fixed_ : 0) + degrees * (1 + std::log(kTwoPi * rss_ / degrees));
}

ProfiledDeviance::Solution ProfiledDeviance::solve(const RelativeFactor& f) {
  eliminate(f);
  Solution result;
  result.sigma2 = rss_ / static_cast<double>(degrees());
  result.t = {result.sigma2 * f.a * f.a, result.sigma2 * f.a * f.b, result.sigma2 * (f.b * f.b + f.d * f.d)};
  result.fixed = fixed_;
  result.fixed[0] += centre_y_;
  result.fixed_covariance.resize(p_, p_);
  std::vector<double> column(static_cast<size_t>(p_));
  for (int j = 0; j < p_; ++j) {
    std::fill(column.begin(), column.end(), 0.0);
    column[static_cast<size_t>(j)] = 1;
    factor_.solve(column.data());
    for (int i = 0; i < p_; ++i) result.fixed_covariance(i, j) = result.sigma2 * column[static_cast<size_t>(i)];
  }
  return result;
}

EffectData ProfiledDeviance::effect_data(int64_t genus, const std::vector<double>& fixed) const {
  const Genus& g = genera_[static_cast<size_t>(genus)];
  const auto y = static_cast<size_t>(p_);
  EffectData data{{g.z0[0], g.z0[1], g.z1[1]}, g.z0[y], g.z1[y]};
  for (size_t i = 0; i < static_cast<size_t>(p_); ++i) {
    const double coefficient = fixed[i] - (i == 0 ? centre_y_ : 0);
    data.ze0 -= g.z0[i] * coefficient;
    data.ze1 -= g.z1[i] * coefficient;
  }
  return data;
}

}  // namespace polytask
