#include <polytask/solvers/projected_min_norm.h>
#include <polytask/solvers/simplex.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace polytask {
namespace {

const double kSmallestChange = 1e-5;
const double kSmallestStep = 1e-7;

// The share of the first of two points in the least-norm point of their segment, and its squared norm.
struct Segment {
  double share, cost;
};

Segment best_of_segment(double first, double inner, double second) {
  if (inner >= first) return {0.999, first};
  if (inner >= second) return {0.001, second};
  const double share = (second - inner) / (first + second - 2 * inner);
  return {share, second + share * (inner - second)};
}

void multiply(const Matrix& matrix, const std::vector<double>& vector, std::vector<double>& product) {
  product.resize(vector.size());
  for (int64_t i = 0; i < matrix.rows(); ++i)
    product[static_cast<size_t>(i)] = std::inner_product(vector.begin(), vector.end(), matrix.row(i), 0.0);
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

}  // namespace

void ProjectedMinNorm::start(const Matrix& gram, std::vector<double>& weights) const {
  double least = std::numeric_limits<double>::infinity();
  weights.assign(static_cast<size_t>(gram.rows()), gram.rows() == 1 ? 1 : 0);
  for (int64_t i = 0; i < gram.rows(); ++i)
    for (int64_t j = i + 1; j < gram.rows(); ++j) {
      const Segment pair = best_of_segment(gram(i, i), gram(i, j), gram(j, j));
      if (!(pair.cost < least)) continue;
      least = pair.cost;
      std::fill(weights.begin(), weights.end(), 0.0);
      weights[static_cast<size_t>(i)] = pair.share;
      weights[static_cast<size_t>(j)] = 1 - pair.share;
    }
}

// Along the projected gradient to the first bound that is not at hand.
void ProjectedMinNorm::propose(const std::vector<double>& weights) {
  const double mean = std::accumulate(product_.begin(), product_.end(), 0.0) / static_cast<double>(product_.size());
  const double none = std::numeric_limits<double>::infinity();
  double down = none, up = none;
  for (size_t i = 0; i < weights.size(); ++i) {
    const double slope = mean - product_[i];
    const double reach = slope < 0 ? -weights[i] / slope : (1 - weights[i]) / slope;
    if (slope == 0 || !(reach > kSmallestStep)) continue;
    double& bound = slope < 0 ? down : up;
    bound = std::min(bound, reach);
  }
  const double step = std::min(down < none ? down : 1.0, up);
  proposal_.resize(weights.size());
  for (size_t i = 0; i < weights.size(); ++i) proposal_[i] = weights[i] + step * (mean - product_[i]);
  project_to_simplex(proposal_);
}

SolverStatus ProjectedMinNorm::solve(const Matrix& gram, std::vector<double>& weights, int64_t most_iterations) {
  start(gram, weights);
  SolverStatus status;
  if (gram.rows() <= 2) return status;
  for (status.iterations = 1; status.iterations <= most_iterations; ++status.iterations) {
    multiply(gram, weights, product_);
    propose(weights);
    multiply(gram, proposal_, proposal_product_);
    const double share =
        best_of_segment(dot(weights, product_), dot(proposal_, product_), dot(proposal_, proposal_product_)).share;
    status.residual = 0;
    for (size_t i = 0; i < weights.size(); ++i) {
      proposal_[i] = share * weights[i] + (1 - share) * proposal_[i];
      status.residual += std::abs(proposal_[i] - weights[i]);
    }
    if (status.residual < kSmallestChange) return status;
    weights = proposal_;
  }
  status.solved = false;
  return status;
}

}  // namespace polytask
