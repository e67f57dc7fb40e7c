#include <polytask/solvers/min_norm.h>

#include <algorithm>

namespace polytask {
namespace min_norm {

void set_right(const NonnegativeQp& qp, std::vector<double>& right) {
  const auto& lengths = qp.lengths();
  double shortest = 1;
  for (const double length : lengths)
    if (length > 0) shortest = std::min(shortest, length);
  right.resize(lengths.size());
  for (size_t i = 0; i < lengths.size(); ++i) right[i] = lengths[i] > 0 ? shortest / lengths[i] : 0;
}

void read_simplex(const NonnegativeQp& qp, std::vector<double>& x) {
  const auto& lengths = qp.lengths();
  x.assign(lengths.size(), 0);
  const auto zeros = std::count(lengths.begin(), lengths.end(), 0.0);
  if (zeros > 0) {
    for (size_t i = 0; i < lengths.size(); ++i)
      if (lengths[i] == 0) x[i] = 1 / static_cast<double>(zeros);
    return;
  }
  double shortest = 1, sum = 0;
  for (const double length : lengths) shortest = std::min(shortest, length);
  for (const int64_t row : qp.support()) {
    const auto i = static_cast<size_t>(row);
    x[i] = qp.values()[i] * (shortest / lengths[i]);
    sum += x[i];
  }
  for (double& weight : x) weight /= sum;
}

}  // namespace min_norm

namespace {

// max_i (xᵀMx − (Mx)_i) / (‖g_i‖ Σ_j x_j‖g_j‖), over the rows that are not zero.
double optimality_gap(const NonnegativeQp& qp, const std::vector<double>& x) {
  const auto& lengths = qp.lengths();
  const auto product = [&](size_t i) {
    double sum = 0;
    for (const int64_t row : qp.support()) {
      const auto j = static_cast<size_t>(row);
      sum += qp.cosines()(static_cast<int64_t>(i), row) * x[j] * lengths[j];
    }
    return sum;
  };
  double total = 0, square = 0, worst = 0;
  for (const int64_t row : qp.support()) {
    const auto i = static_cast<size_t>(row);
    total += x[i] * lengths[i];
    square += x[i] * lengths[i] * product(i);
  }
  if (total == 0) return 0;
  for (size_t i = 0; i < lengths.size(); ++i)
    if (lengths[i] > 0) worst = std::max(worst, (square / lengths[i] - product(i)) / total);
  return worst;
}

}  // namespace

SolverStatus MinNormSolver::solve(const Matrix& gram, std::vector<double>& x) {
  if (!qp_.set(gram)) {
    x.assign(static_cast<size_t>(gram.rows()), 1 / static_cast<double>(gram.rows()));
    return {false, 0, 1};
  }
  min_norm::set_right(qp_, right_);
  const bool has_zero_row = std::count(qp_.lengths().begin(), qp_.lengths().end(), 0.0) > 0;
  SolverStatus status;
  if (!has_zero_row) status = qp_.solve(right_);
  min_norm::read_simplex(qp_, x);
  status.residual = has_zero_row ? 0 : optimality_gap(qp_, x);
  status.solved = status.residual <= 1e-9;
  return status;
}

}  // namespace polytask
