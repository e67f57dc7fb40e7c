#include <polytask/allometry/back_transform.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace polytask {

void ResidualSums::add(double log_biomass, double fitted) {
  const double biomass = std::exp(log_biomass), median = std::exp(fitted);
  ++n_;
  smear_ += biomass / median;
  observed_ += biomass;
  fitted_ += median;
}

void ResidualSums::merge(const ResidualSums& other) {
  n_ += other.n_;
  smear_ += other.smear_;
  observed_ += other.observed_;
  fitted_ += other.fitted_;
}

BackTransform ResidualSums::factors(double sigma) const {
  if (n_ == 0) return {std::exp(sigma * sigma / 2), BackTransform::kUnknown, BackTransform::kUnknown};
  return {std::exp(sigma * sigma / 2), smear_ / static_cast<double>(n_), observed_ / fitted_};
}

BackTransforms back_transforms(const Fit& fit, const KeptRows& rows) {
  struct Line {
    bool estimable = false;
    std::array<double, 1 + Moments::kMostColumns> coefficients{};
  };
  const auto columns = static_cast<size_t>(fit.law->columns());
  std::vector<Line> lines(fit.genera.size());
  for (size_t g = 0; g < lines.size(); ++g) {
    lines[g].estimable = fit.genera[g].estimable();
    if (lines[g].estimable) std::copy_n(fit.genera[g].parameters.begin(), columns + 1, lines[g].coefficients.begin());
  }
  std::vector<ResidualSums> sums(lines.size());
  ResidualSums all;
  rows.for_each([&](const KeptRow* row, size_t count) {
    std::array<double, Moments::kMostColumns> values{};
    for (const KeptRow* end = row + count; row != end; ++row) {
      const auto g = static_cast<size_t>(row->genus);
      if (!lines[g].estimable) continue;
      fit.law->columns_at(row->log_height, fit.shape, values.data());
      const auto& c = lines[g].coefficients;
      const double fitted = c[0] + c[1] * values[0] + c[2] * values[1];
      sums[g].add(row->log_biomass, fitted);
    }
  });
  for (const auto& of_genus : sums) all.merge(of_genus);
  BackTransforms result;
  result.all = all.factors(fit.all.sigma);
  for (size_t g = 0; g < sums.size(); ++g) result.genera.push_back(sums[g].factors(fit.genera[g].sigma));
  return result;
}

}  // namespace polytask
