#include <polytask/analysis/allometry_sensitivity.h>
#include <polytask/analysis/parameter_variants.h>
#include <polytask/core/error.h>
#include <polytask/core/random.h>
#include <polytask/solvers/symmetric_eigen.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace polytask {
namespace {

// F with covariance = F Fᵀ; nothing where it is no covariance.
std::optional<Matrix> root_of(const Matrix& covariance) {
  constexpr double kSlack = 1e-9;
  const double* entries = covariance.data();
  if (!std::all_of(entries, entries + covariance.rows() * covariance.cols(), [](double v) { return std::isfinite(v); }))
    return std::nullopt;
  SymmetricEigen eigen;
  if (!eigen.compute(covariance)) return std::nullopt;
  if (eigen.values().front() < -kSlack * std::abs(eigen.values().back())) return std::nullopt;
  Matrix root = eigen.vectors();
  for (int64_t i = 0; i < root.rows(); ++i)
    for (int64_t j = 0; j < root.cols(); ++j)
      root(i, j) *= std::sqrt(std::max(0.0, eigen.values()[static_cast<size_t>(j)]));
  return root;
}

Matrix upper_left(const Matrix& matrix, int64_t size) {
  Matrix part(size, size);
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < size; ++j) part(i, j) = matrix(i, j);
  return part;
}

// Of all coefficients, or of α and β where the covariance of a third one with them is not known.
Matrix drawing_root(const VaryingGenera& group) {
  if (auto root = root_of(group.covariance)) return *root;
  if (auto root = root_of(upper_left(group.covariance, 2))) return *root;
  throw InputError("the covariance of the parameters of {} is none: a variance is negative", group.name);
}

}  // namespace

ParameterVariants::ParameterVariants(const Law& law, const std::vector<GenusParameters>& genera, bool one_line,
                                     int64_t draws, uint64_t seed, const std::string& where)
    : k_(law.columns() + 1), draws_(draws) {
  group(genera, one_line, where);
  std::vector<double> fitted;
  for (const auto& genus : genera) fitted.insert(fitted.end(), genus.values.begin(), genus.values.begin() + k_);
  const int64_t variants = moved(groups_.size(), 0, 0);
  coefficients_ = at::tensor(fitted, at::kDouble).repeat({variants, 1});
  for (size_t g = 0; g < groups_.size(); ++g) {
    draw(g, seed);
    move(g);
  }
}

int64_t ParameterVariants::moved(size_t group, int64_t coefficient, size_t step) const {
  const auto steps = static_cast<int64_t>(ParameterSwing::kSteps.size());
  return drawn_alone(groups_.size(), 0) + (static_cast<int64_t>(group) * k_ + coefficient) * steps +
         static_cast<int64_t>(step);
}

void ParameterVariants::group(const std::vector<GenusParameters>& genera, bool one_line, const std::string& where) {
  for (size_t c = 0; c < genera.size(); ++c) {
    if (genera[c].covariance.rows() == 0) {
      fixed_.push_back(genera[c].name);
    } else if (one_line && !groups_.empty()) {
      groups_[0].classes.push_back(c);
    } else {
      groups_.push_back({one_line ? "all genera" : genera[c].name, {c}, genera[c].covariance});
    }
  }
  if (groups_.empty())
    throw InputError("{}: the parameters of {} have no covariance, so there is no uncertainty to draw from", where,
                     fmt::join(fixed_, ", "));
}

void ParameterVariants::add(int64_t variant, size_t group, int64_t coefficient, double difference) {
  double* row = coefficients_.data_ptr<double>() + variant * coefficients_.size(1);
  for (const size_t c : groups_[group].classes) row[static_cast<int64_t>(c) * k_ + coefficient] += difference;
}

void ParameterVariants::draw(size_t group, uint64_t seed) {
  const Matrix root = drawing_root(groups_[group]);
  Random random(seed, "sensitivity/" + groups_[group].name);
  std::vector<double> normal(static_cast<size_t>(root.cols()));
  for (int64_t d = 0; d < draws_; ++d) {
    for (double& value : normal) value = random.normal();
    for (int64_t i = 0; i < root.rows(); ++i) {
      double difference = 0;
      for (int64_t j = 0; j < root.cols(); ++j) difference += root(i, j) * normal[static_cast<size_t>(j)];
      add(drawn(d), group, i, difference);
      add(drawn_alone(group, d), group, i, difference);
    }
  }
}

void ParameterVariants::move(size_t group) {
  for (int64_t k = 0; k < k_; ++k) {
    const double variance = groups_[group].covariance(k, k);
    if (!(variance > 0)) continue;  // not known, or known exactly
    for (size_t s = 0; s < ParameterSwing::kSteps.size(); ++s)
      add(moved(group, k, s), group, k, ParameterSwing::kSteps[s] * std::sqrt(variance));
  }
}

}  // namespace polytask
