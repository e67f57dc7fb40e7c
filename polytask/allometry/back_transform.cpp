#include <polytask/allometry/back_transform.h>

#include <array>
#include <cmath>
#include <limits>

namespace polytask {

void ResidualSums::add(double log_biomass, double fitted) {
  const double biomass = std::exp(log_biomass), median = std::exp(fitted);
  ++n_;
  smear_ += biomass / median;
  observed_ += biomass;
  fitted_ += median;
}

BackTransform ResidualSums::factors(double sigma) const {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  if (n_ == 0) return {std::exp(sigma * sigma / 2), kNaN, kNaN};
  return {std::exp(sigma * sigma / 2), smear_ / static_cast<double>(n_), observed_ / fitted_};
}

BackTransforms back_transforms(const Fit& fit, const KeptRows& rows) {
  std::vector<ResidualSums> sums(fit.genera.size());
  ResidualSums all;
  const int columns = fit.law->columns();
  rows.for_each([&](const KeptRow* row, size_t count) {
    std::array<double, Moments::kMostColumns> values{};
    for (const KeptRow* end = row + count; row != end; ++row) {
      const Curve& curve = fit.genera[static_cast<size_t>(row->genus)];
      if (!curve.estimable()) continue;
      fit.law->columns_at(row->log_height, fit.shape, values.data());
      double fitted = curve.parameters[0];
      for (int c = 0; c < columns; ++c)
        fitted += curve.parameters[static_cast<size_t>(c) + 1] * values[static_cast<size_t>(c)];
      sums[static_cast<size_t>(row->genus)].add(row->log_biomass, fitted);
      all.add(row->log_biomass, fitted);
    }
  });
  BackTransforms result;
  result.all = all.factors(fit.all.sigma);
  for (size_t g = 0; g < sums.size(); ++g) result.genera.push_back(sums[g].factors(fit.genera[g].sigma));
  return result;
}

}  // namespace polytask
