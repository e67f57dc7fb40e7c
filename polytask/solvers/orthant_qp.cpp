#include <polytask/solvers/orthant_qp.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace polytask {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr double kSlack = 8;          // violations within kSlack ε √T × the weights' size are rounding
constexpr double kBlockFloor = 1e-9;  // a block nearer to singular goes to Lawson and Hanson's method
constexpr double kSingleFloor = 4;    // × ε × size of the passive set
constexpr int64_t kBlockChances = 3;  // block exchanges without progress (Kim and Park's α)
constexpr int64_t kMaxBlockSteps = 30;
constexpr double kSolved = 1e-10;

size_t at(int64_t i) { return static_cast<size_t>(i); }

}  // namespace

void OrthantQp::scale(const Matrix& r) {
  size_ = r.rows();
  const size_t n = at(size_);
  factor_.reserve(size_);
  norm_.resize(n);
  for (int64_t t = 0; t < size_; ++t) {
    const double square = r(t, t);
    norm_[at(t)] = square >= std::numeric_limits<double>::min() ? std::sqrt(square) : 0;
  }
  if (c_.rows() != size_) c_.resize(size_, size_);
  for (int64_t i = 0; i < size_; ++i)
    for (int64_t j = 0; j < size_; ++j) {
      const bool zero = norm_[at(i)] == 0 || norm_[at(j)] == 0;
      c_(i, j) = zero ? 0 : i == j ? 1 : std::clamp(r(i, j) / norm_[at(i)] / norm_[at(j)], -1.0, 1.0);
    }
  for (auto* vector : {&q_, &x_, &s_, &column_, &candidate_}) vector->assign(n, 0);
  for (auto* flags : {&is_passive_, &blocked_, &flip_}) flags->assign(n, 0);
  passive_.reserve(n);
  tail_.reserve(n);
}

double OrthantQp::tolerance(double magnitude) const {
  double size = magnitude;
  for (int64_t i : passive_) size += std::abs(x_[at(i)]);
  return kSlack * kEpsilon * std::sqrt(static_cast<double>(size_)) * size;
}

bool OrthantQp::factor_passive() {
  const auto n = static_cast<int64_t>(passive_.size());
  for (int64_t a = 0; a < n; ++a) {
    const double* from = c_.row(passive_[at(a)]);
    double* to = factor_.row(a);
    for (int64_t b = a; b < n; ++b) to[b] = from[passive_[at(b)]];
  }
  return factor_.factor(n, kBlockFloor);
}

/// (C_PP)⁻¹ (−q_P), in the order of passive_.
void OrthantQp::solve_passive(std::vector<double>& into) {
  for (size_t a = 0; a < passive_.size(); ++a) into[a] = -q_[at(passive_[a])];
  factor_.solve(into.data());
}

void OrthantQp::update_slack() {
  std::copy(q_.begin(), q_.end(), s_.begin());
  for (int64_t i : passive_) add_scaled(x_[at(i)], c_.row(i), s_.data(), size_);
}

/// Changes sides of what is infeasible: all of it while that makes progress, else the last one only.
void OrthantQp::exchange(int64_t infeasible, int64_t& fewest, int64_t& chances) {
  bool all = true;
  if (infeasible < fewest) {
    fewest = infeasible;
    chances = kBlockChances;
  } else if (chances > 0) {
    --chances;
  } else {
    all = false;
  }
  for (int64_t i = size_ - 1; i >= 0; --i) {
    if (flip_[at(i)] == 0) continue;
    is_passive_[at(i)] = is_passive_[at(i)] != 0 ? 0 : 1;
    if (!all) break;
  }
}

bool OrthantQp::pivot_blocks(double magnitude, int64_t& iterations) {
  passive_.clear();
  const double first = tolerance(magnitude);
  for (int64_t i = 0; i < size_; ++i) is_passive_[at(i)] = q_[at(i)] < -first ? 1 : 0;
  int64_t fewest = size_ + 1, chances = kBlockChances;
  for (int64_t step = 0; step < kMaxBlockSteps; ++step, ++iterations) {
    passive_.clear();
    for (int64_t i = 0; i < size_; ++i)
      if (is_passive_[at(i)] != 0) passive_.push_back(i);
    if (!factor_passive()) return false;
    solve_passive(candidate_);
    std::fill(x_.begin(), x_.end(), 0.0);
    for (size_t a = 0; a < passive_.size(); ++a) x_[at(passive_[a])] = candidate_[a];
    update_slack();
    const double slack = tolerance(magnitude);
    int64_t infeasible = 0;
    for (int64_t i = 0; i < size_; ++i) {
      const bool wrong = is_passive_[at(i)] != 0 ? x_[at(i)] < 0 : s_[at(i)] < -slack;
      flip_[at(i)] = wrong ? 1 : 0;
      infeasible += wrong ? 1 : 0;
    }
    if (infeasible == 0) return true;
    exchange(infeasible, fewest, chances);
  }
  return false;
}

int64_t OrthantQp::most_violated(double magnitude) const {
  int64_t worst = -1;
  double least = -tolerance(magnitude);
  for (int64_t i = 0; i < size_; ++i)
    if (is_passive_[at(i)] == 0 && blocked_[at(i)] == 0 && s_[at(i)] < least) {
      least = s_[at(i)];
      worst = i;
    }
  return worst;
}

bool OrthantQp::make_passive(int64_t t) {
  for (size_t a = 0; a < passive_.size(); ++a) column_[a] = c_(t, passive_[a]);
  const double floor = kSingleFloor * kEpsilon * static_cast<double>(passive_.size() + 1);
  if (!factor_.append(column_.data(), c_(t, t), floor)) return false;
  passive_.push_back(t);
  is_passive_[at(t)] = 1;
  return true;
}

/// Takes what has reached its bound out of the passive set, and factors anew from there.
void OrthantQp::drop_zeros() {
  const auto first =
      std::find_if(passive_.begin(), passive_.end(), [this](int64_t i) { return x_[at(i)] <= 0; }) - passive_.begin();
  tail_.assign(passive_.begin() + first, passive_.end());
  passive_.resize(at(first));
  factor_.keep(first);
  for (int64_t i : tail_) {
    is_passive_[at(i)] = 0;
    if (x_[at(i)] > 0 && !make_passive(i)) x_[at(i)] = 0;
  }
}

/// Moves x towards the solution on the passive set until that is positive. False where the row that entered is the
/// first to leave: its violation was rounding.
bool OrthantQp::step_to_passive_solution(int64_t entered) {
  while (!passive_.empty()) {
    solve_passive(candidate_);
    double reach = 1;
    for (size_t a = 0; a < passive_.size(); ++a) {
      const double now = x_[at(passive_[a])];
      if (candidate_[a] <= 0) reach = std::min(reach, now / (now - candidate_[a]));
    }
    if (entered >= 0 && candidate_[passive_.size() - 1] <= 0) return false;
    for (size_t a = 0; a < passive_.size(); ++a) {
      double& now = x_[at(passive_[a])];
      const bool leaves = candidate_[a] <= 0 && now / (now - candidate_[a]) <= reach;
      now = leaves ? 0 : reach == 1 ? candidate_[a] : now + reach * (candidate_[a] - now);
    }
    if (reach == 1) return true;
    drop_zeros();
    entered = -1;
  }
  return true;
}

void OrthantQp::pivot_singly(double magnitude, int64_t& iterations) {
  passive_.clear();
  factor_.keep(0);
  std::fill(x_.begin(), x_.end(), 0.0);
  std::fill(is_passive_.begin(), is_passive_.end(), 0);
  std::fill(blocked_.begin(), blocked_.end(), 0);
  std::copy(q_.begin(), q_.end(), s_.begin());
  for (int64_t step = 0; step < 10 * size_ + 10; ++step, ++iterations) {
    const int64_t t = most_violated(magnitude);
    if (t < 0) return;
    if (!make_passive(t)) {
      blocked_[at(t)] = 1;
      continue;
    }
    if (!step_to_passive_solution(t)) {
      passive_.pop_back();
      factor_.keep(factor_.size() - 1);
      is_passive_[at(t)] = 0;
      blocked_[at(t)] = 1;
      continue;
    }
    std::fill(blocked_.begin(), blocked_.end(), 0);
    update_slack();
  }
}

SolverStatus OrthantQp::complement(double magnitude) {
  SolverStatus status;
  if (!pivot_blocks(magnitude, status.iterations)) pivot_singly(magnitude, status.iterations);
  double size = magnitude;
  for (int64_t i : passive_) size += x_[at(i)];
  for (int64_t i = 0; i < size_; ++i) status.residual = std::max(status.residual, -s_[at(i)] / size);
  status.solved = status.residual <= kSolved;
  return status;
}

SolverStatus OrthantQp::solve(const Matrix& r, const std::vector<double>& lower, std::vector<double>& v) {
  v.assign(lower.begin(), lower.end());
  if (!all_finite(r)) return {false, 0, 1};
  scale(r);
  double largest = 0;
  for (int64_t t = 0; t < size_; ++t) largest = std::max(largest, std::abs(lower[at(t)] * norm_[at(t)]));
  if (largest == 0) return {};
  double magnitude = 0;
  for (int64_t t = 0; t < size_; ++t) {
    const double bound = lower[at(t)] * norm_[at(t)] / largest;
    magnitude += std::abs(bound);
    add_scaled(bound, c_.row(t), q_.data(), size_);
  }
  const SolverStatus status = complement(magnitude);
  for (int64_t i : passive_) v[at(i)] += x_[at(i)] * largest / norm_[at(i)];
  return status;
}

SolverStatus OrthantQp::solve_each(const Matrix& r, const std::vector<double>& u, std::vector<double>& sum) {
  sum.assign(u.begin(), u.end());
  if (!all_finite(r)) return {false, 0, 1};
  scale(r);
  SolverStatus all;
  for (int64_t t = 0; t < size_; ++t) {
    const double bound = u[at(t)] * norm_[at(t)];
    if (bound == 0) continue;
    for (int64_t i = 0; i < size_; ++i) q_[at(i)] = bound > 0 ? c_(t, i) : -c_(t, i);
    const SolverStatus one = complement(1);
    for (int64_t i : passive_) sum[at(i)] += x_[at(i)] * std::abs(bound) / norm_[at(i)];
    all.solved = all.solved && one.solved;
    all.iterations += one.iterations;
    all.residual = std::max(all.residual, one.residual);
  }
  return all;
}

}  // namespace polytask
