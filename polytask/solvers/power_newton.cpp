#include <polytask/solvers/power_newton.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace polytask {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr double kGoal = 1e-13;  // iterations end here, or where they no longer improve
constexpr double kSolved = 1e-10;
constexpr double kWorstRounding = 1e-3;  // beyond it a residual says nothing
constexpr double kRidge = 1e-4;          // of the fallback, relative to diag(M)
constexpr double kFullStep = 0.2;        // steps smaller than this part of every y_i need no line search
constexpr double kToBoundary = 0.99;
constexpr double kSlopeLeft = 0.1;  // of the slope at the start, where the line search ends
constexpr int64_t kPatience = 12;   // iterations before growing weights count as a sign that there is no solution
constexpr int64_t kMaxIterations = 100;
constexpr int64_t kMaxSearch = 20;

size_t at(int64_t i) { return static_cast<size_t>(i); }

}  // namespace

void PowerNewton::scale(const Matrix& m, double power) {
  power_ = power;
  rows_.reserve(at(m.rows()));
  rows_.clear();
  for (auto* vector : {&norm_, &log_b_, &y_, &best_, &cy_, &term_, &step_, &c_step_}) vector->reserve(at(m.rows()));
  norm_.clear();
  for (int64_t t = 0; t < m.rows(); ++t)
    if (m(t, t) >= std::numeric_limits<double>::min()) {
      rows_.push_back(t);
      norm_.push_back(std::sqrt(m(t, t)));
    }
  size_ = static_cast<int64_t>(rows_.size());
  for (auto* vector : {&log_b_, &y_, &best_, &cy_, &term_, &step_, &c_step_}) vector->assign(at(size_), 0);
  factor_.reserve(m.rows());
  if (c_.rows() != m.rows()) c_.resize(m.rows(), m.rows());
  for (int64_t i = 0; i < size_; ++i)
    for (int64_t j = 0; j < size_; ++j) {
      const double cosine = m(rows_[at(i)], rows_[at(j)]) / norm_[at(i)] / norm_[at(j)];
      c_(i, j) = i == j ? 1 : std::clamp(cosine, -1.0, 1.0);
    }
  double mean = 0;
  for (int64_t i = 0; i < size_ && power_ != 1; ++i) {
    log_b_[at(i)] = (power_ - 1) * std::log(norm_[at(i)]);
    mean += log_b_[at(i)] / static_cast<double>(size_);
  }
  for (double& value : log_b_) value -= mean;
  log_unit_ = mean / (power_ + 1);
}

/// b_i y^{−p}
double PowerNewton::term(int64_t i, double y) const {
  return power_ == 1 ? 1 / y : std::exp(log_b_[at(i)] - power_ * std::log(y));
}

/// The solution for C = I, times what is best on its ray.
void PowerNewton::start() {
  for (int64_t i = 0; i < size_; ++i) y_[at(i)] = std::exp(log_b_[at(i)] / (power_ + 1));
  double square = 0, length = 0, pull = 0;
  for (int64_t i = 0; i < size_; ++i) {
    square += y_[at(i)] * dot(c_.row(i), y_.data(), size_);
    length += y_[at(i)] * y_[at(i)];
    pull += y_[at(i)] * term(i, y_[at(i)]);
  }
  const double longest = 1e-8 * length;
  const double factor = std::pow(pull / std::max(square, longest), 1 / (power_ + 1));
  for (double& value : y_) value *= factor;
}

void PowerNewton::evaluate(double ridge) {
  for (int64_t i = 0; i < size_; ++i) {
    cy_[at(i)] = dot(c_.row(i), y_.data(), size_) + ridge * y_[at(i)];
    term_[at(i)] = term(i, y_[at(i)]);
  }
}

double PowerNewton::residual() const {
  double worst = 0;
  for (int64_t i = 0; i < size_; ++i) {
    const double off = std::abs(cy_[at(i)] / term_[at(i)] - 1);
    if (std::isnan(off)) return off;
    worst = std::max(worst, off);
  }
  return worst;
}

/// How far rounding y to double moves the residual.
double PowerNewton::rounding() const {
  double worst = 0;
  for (int64_t i = 0; i < size_; ++i) {
    double sum = 0;
    for (int64_t j = 0; j < size_; ++j) sum += std::abs(c_(i, j)) * y_[at(j)];
    worst = std::max(worst, sum / term_[at(i)]);
  }
  return kEpsilon * worst;
}

bool PowerNewton::newton_direction(double ridge) {
  for (int64_t i = 0; i < size_; ++i) {
    std::copy(c_.row(i) + i, c_.row(i) + size_, factor_.row(i) + i);
    factor_.row(i)[i] += ridge + power_ * term_[at(i)] / y_[at(i)];
    step_[at(i)] = term_[at(i)] - cy_[at(i)];
  }
  if (!factor_.factor(size_, kEpsilon)) return false;
  factor_.solve(step_.data());
  return true;
}

/// Where the potential's slope along the step has lost most of its size, within the positive orthant.
double PowerNewton::step_length(double ridge) {
  double largest = 0, limit = std::numeric_limits<double>::infinity();
  for (int64_t i = 0; i < size_; ++i) {
    const double relative = step_[at(i)] / y_[at(i)];
    largest = std::max(largest, std::abs(relative));
    if (relative < 0) limit = std::min(limit, -kToBoundary / relative);
  }
  is_near_ = largest * std::max(1.0, power_) <= kFullStep;
  if (is_near_) return 1;
  double flat = 0, curved = 0, first = 0;  // slope(t) = flat + curved t − Σ step_i b_i (y_i + t step_i)^{−p}
  for (int64_t i = 0; i < size_; ++i) {
    c_step_[at(i)] = dot(c_.row(i), step_.data(), size_) + ridge * step_[at(i)];
    flat += step_[at(i)] * cy_[at(i)];
    curved += step_[at(i)] * c_step_[at(i)];
    first += step_[at(i)] * (cy_[at(i)] - term_[at(i)]);
  }
  double low = 0, high = limit, t = std::min(1.0, limit);
  for (int64_t search = 0; search < kMaxSearch; ++search) {
    double slope = flat + curved * t, bend = curved;
    for (int64_t i = 0; i < size_; ++i) {
      const double y = y_[at(i)] + t * step_[at(i)], pull = step_[at(i)] * term(i, y);
      slope -= pull;
      bend += power_ * pull * step_[at(i)] / y;
    }
    if (std::abs(slope) <= kSlopeLeft * std::abs(first)) return t;
    (slope < 0 ? low : high) = t;
    if (slope < 0 && t >= limit) return t;
    const double next = t - slope / bend;
    const bool inside = next > low && next < high;
    t = inside ? next : std::isinf(high) ? 4 * t : search % 2 == 0 ? (low + high) / 2 : high;
    if (!inside && t == high && high != limit) t = (low + high) / 2;
  }
  return low > 0 ? low : t;
}

/// Leaves the best point and its values in y_, cy_, term_.
void PowerNewton::minimise(double ridge, SolverStatus& status) {
  start();
  evaluate(ridge);
  double least = residual();
  best_ = y_;
  bool was_near = false;
  for (int64_t step = 0; step < kMaxIterations && least > kGoal; ++step, ++status.iterations) {
    if (step >= kPatience && ridge == 0 && rounding() > kWorstRounding) break;
    if (!newton_direction(ridge)) break;
    const double length = step_length(ridge);
    add_scaled(length, step_.data(), y_.data(), size_);
    evaluate(ridge);
    const double now = residual();
    if (!std::isfinite(now) || (was_near && now >= least / 2)) break;
    was_near = is_near_;
    if (now < least) {
      least = now;
      best_ = y_;
    }
  }
  y_ = best_;
  evaluate(ridge);
}

SolverStatus PowerNewton::solve(const Matrix& m, double power, std::vector<double>& w) {
  w.assign(at(m.rows()), 0);
  if (!all_finite(m)) return {false, 0, 1};
  scale(m, power);
  SolverStatus status;
  if (size_ > 0) minimise(0, status);
  status.residual = residual();
  const double left = size_ > 0 ? rounding() : 0;
  status.solved = status.residual <= kSolved || (left <= kWorstRounding && status.residual <= 8 * left);
  if (!status.solved) {
    minimise(kRidge, status);
    evaluate(0);
    status.residual = residual();
  }
  if (size_ < m.rows()) {
    status.solved = false;
    status.residual = std::max(status.residual, 1.0);
  }
  const double unit = std::exp(log_unit_);
  for (int64_t i = 0; i < size_; ++i) w[at(rows_[at(i)])] = unit * y_[at(i)] / norm_[at(i)];
  return status;
}

}  // namespace polytask
