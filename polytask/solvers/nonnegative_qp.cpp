#include <polytask/solvers/nonnegative_qp.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace polytask {
namespace {

const double kEpsilon = std::numeric_limits<double>::epsilon();

void add_multiple(double factor, const double* from, double* to, int64_t n) {
  for (int64_t i = 0; i < n; ++i) to[i] += factor * from[i];
}

// Four sums in turn, so that the additions do not wait for one another.
double dot(const double* a, const double* b, int64_t n) {
  double sums[4] = {0, 0, 0, 0};
  int64_t i = 0;
  for (; i + 4 <= n; i += 4)
    for (int64_t k = 0; k < 4; ++k) sums[k] += a[i + k] * b[i + k];
  for (; i < n; ++i) sums[0] += a[i] * b[i];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

bool is_finite(const Matrix& matrix) {
  const int64_t count = matrix.rows() * matrix.cols();
  return std::all_of(matrix.data(), matrix.data() + count, [](double value) { return std::isfinite(value); });
}

}  // namespace

bool NonnegativeQp::set(const Matrix& gram) {
  size_ = gram.rows();
  const auto n = static_cast<size_t>(size_);
  for (auto* vector : {&lengths_, &values_, &right_, &violations_, &reduced_, &column_, &target_}) vector->assign(n, 0);
  for (auto* flags : {&inside_, &blocked_}) flags->assign(n, 0);
  cosines_.resize(size_, size_);
  factor_.resize(size_, size_);
  support_.clear();
  support_.reserve(n);
  order_.reserve(n);
  changes_ = 0;
  is_updated_ = is_indefinite_ = false;
  ridge_ = 0;
  smallest_pivot_ = 4 * kEpsilon * static_cast<double>(size_);
  scale_ = 0;
  if (!is_finite(gram)) return false;
  for (int64_t i = 0; i < size_; ++i) lengths_[static_cast<size_t>(i)] = std::sqrt(std::max(gram(i, i), 0.0));
  for (int64_t i = 0; i < size_; ++i)
    for (int64_t j = 0; j < size_; ++j) {
      const double left = lengths_[static_cast<size_t>(i)], right = lengths_[static_cast<size_t>(j)];
      if (left > 0 && right > 0) cosines_(i, j) = i == j ? 1 : std::clamp(gram(i, j) / left / right, -1.0, 1.0);
    }
  scale_ = size_ > 0 ? *std::max_element(lengths_.begin(), lengths_.end()) : 0;
  if (scale_ > 0)
    for (double& length : lengths_) length /= scale_;
  return true;
}

void NonnegativeQp::forward(std::vector<double>& v) const {
  const auto count = static_cast<int64_t>(support_.size());
  for (int64_t i = 0; i < count; ++i) {
    double* at = v.data() + i;
    *at /= factor_(i, i);
    add_multiple(-*at, factor_.row(i) + i + 1, at + 1, count - i - 1);
  }
}

void NonnegativeQp::backward(std::vector<double>& v) const {
  const auto count = static_cast<int64_t>(support_.size());
  for (int64_t i = count - 1; i >= 0; --i) {
    double* at = v.data() + i;
    *at = (*at - dot(factor_.row(i) + i + 1, at + 1, count - i - 1)) / factor_(i, i);
  }
}

double NonnegativeQp::noise() const { return std::max(16 * smallest_pivot_, 4 * ridge_); }

void NonnegativeQp::raise_ridge() {
  const double raised = ridge_ == 0 ? 1e-12 : 10 * ridge_;
  for (int64_t i = 0; i < size_; ++i) cosines_(i, i) += raised - ridge_;
  ridge_ = raised;
  is_indefinite_ = false;
  support_.clear();
  for (auto* vector : {&values_, &reduced_}) std::fill(vector->begin(), vector->end(), 0.0);
  std::fill(inside_.begin(), inside_.end(), 0);
}

// The last pivot of the factor with this row appended; column_ receives the rest of its column.
double NonnegativeQp::pivot_of(int64_t row) {
  for (size_t k = 0; k < support_.size(); ++k) column_[k] = cosines_(row, support_[k]);
  forward(column_);
  const auto count = static_cast<int64_t>(support_.size());
  const double square = cosines_(row, row) - dot(column_.data(), column_.data(), count);
  if (square < -16 * smallest_pivot_) is_indefinite_ = true;
  return std::sqrt(std::max(square, smallest_pivot_));
}

// False where the row would leave again at once: its violation was rounding.
bool NonnegativeQp::enter(int64_t row) {
  const auto count = static_cast<int64_t>(support_.size());
  const double pivot = pivot_of(row);
  const auto index = static_cast<size_t>(row);
  const double reduced = (right_[index] - dot(column_.data(), reduced_.data(), count)) / pivot;
  if (!(reduced > 0)) return false;
  for (int64_t i = 0; i < count; ++i) factor_(i, count) = column_[static_cast<size_t>(i)];
  factor_(count, count) = pivot;
  reduced_[static_cast<size_t>(count)] = reduced;
  support_.push_back(row);
  inside_[index] = 1;
  ++changes_;
  return true;
}

// Takes a column out of R and turns it triangular again by rotations of neighbouring rows.
void NonnegativeQp::leave(int64_t position) {
  const auto count = static_cast<int64_t>(support_.size());
  const auto row = static_cast<size_t>(support_[static_cast<size_t>(position)]);
  inside_[row] = 0;
  values_[row] = 0;
  support_.erase(support_.begin() + position);
  for (int64_t i = 0; i < count; ++i) {
    double* from = factor_.row(i);
    std::copy(from + position + 1, from + count, from + position);
  }
  for (int64_t i = position; i + 1 < count; ++i) {
    double *upper = factor_.row(i), *lower = factor_.row(i + 1);
    const double length = std::hypot(upper[i], lower[i]);
    const double c = upper[i] / length, s = lower[i] / length;
    for (int64_t j = i; j + 1 < count; ++j) {
      const double high = upper[j], low = lower[j];
      upper[j] = c * high + s * low;
      lower[j] = c * low - s * high;
    }
    double *high = reduced_.data() + i, *low = high + 1;
    const double was = *high;
    *high = c * was + s * *low;
    *low = c * *low - s * was;
  }
  ++changes_;
  is_updated_ = true;
}

// Moves to the minimum over the support; rows whose value reaches 0 on the way leave it.
void NonnegativeQp::descend() {
  while (!support_.empty()) {
    const size_t count = support_.size();
    std::copy_n(reduced_.begin(), count, target_.begin());
    backward(target_);
    double step = 1;
    size_t first = count;
    for (size_t k = 0; k < count; ++k) {
      if (target_[k] > 0) continue;
      const double value = values_[static_cast<size_t>(support_[k])];
      const double reach = value > 0 ? value / (value - target_[k]) : 0;
      if (first == count || reach < step) {
        step = reach;
        first = k;
      }
    }
    for (size_t k = 0; k < count; ++k) {
      double& value = values_[static_cast<size_t>(support_[k])];
      value = first == count ? target_[k] : value + step * (target_[k] - value);
    }
    if (first == count) return;
    for (size_t k = count; k-- > 0;) {
      const bool is_at_bound = k == first || !(values_[static_cast<size_t>(support_[k])] > 0);
      if (is_at_bound && !(target_[k] > 0)) leave(static_cast<int64_t>(k));
    }
  }
}

void NonnegativeQp::refactor() {
  order_.assign(support_.begin(), support_.end());
  support_.clear();
  for (const int64_t row : order_) {
    const auto count = static_cast<int64_t>(support_.size());
    factor_(count, count) = pivot_of(row);
    for (int64_t i = 0; i < count; ++i) factor_(i, count) = column_[static_cast<size_t>(i)];
    support_.push_back(row);
  }
  for (size_t k = 0; k < support_.size(); ++k) reduced_[k] = right_[static_cast<size_t>(support_[k])];
  forward(reduced_);
  is_updated_ = false;
}

void NonnegativeQp::update_violations() {
  violations_.assign(right_.begin(), right_.end());
  sum_ = 0;
  for (const int64_t row : support_) {
    const double value = values_[static_cast<size_t>(row)];
    sum_ += value;
    add_multiple(-value, cosines_.row(row), violations_.data(), size_);
  }
}

double NonnegativeQp::rounding(int64_t row) const {
  const double terms = 16 + 2 * static_cast<double>(support_.size());
  return terms * kEpsilon * (std::abs(right_[static_cast<size_t>(row)]) + sum_);
}

int64_t NonnegativeQp::most_violated() const {
  int64_t worst = -1;
  for (int64_t i = 0; i < size_; ++i) {
    const auto index = static_cast<size_t>(i);
    if (inside_[index] != 0 || blocked_[index] != 0 || lengths_[index] == 0) continue;
    if (violations_[index] > rounding(i) && (worst < 0 || violations_[index] > violations_[static_cast<size_t>(worst)]))
      worst = i;
  }
  return worst;
}

double NonnegativeQp::residual() const {
  double worst = 0;
  for (int64_t i = 0; i < size_; ++i) {
    const auto index = static_cast<size_t>(i);
    const double size = std::abs(right_[index]) + sum_;
    if (lengths_[index] == 0 || size == 0) continue;
    const double violation = inside_[index] != 0 ? std::abs(violations_[index]) : violations_[index];
    worst = std::max(worst, violation / size);
  }
  return worst;
}

SolverStatus NonnegativeQp::run() {
  refactor();
  descend();
  const int64_t most = 40 * size_ + 100;
  SolverStatus status;
  std::fill(blocked_.begin(), blocked_.end(), 0);
  while (status.iterations < most && !is_indefinite_) {
    update_violations();
    const int64_t row = most_violated();
    if (row < 0 && !is_updated_) break;
    ++status.iterations;
    if (row < 0) {
      refactor();
    } else if (!enter(row)) {
      blocked_[static_cast<size_t>(row)] = 1;
      continue;
    }
    descend();
    std::fill(blocked_.begin(), blocked_.end(), 0);
  }
  update_violations();
  status.residual = residual();
  status.solved = status.residual <= 1e-9 && !is_indefinite_;
  return status;
}

SolverStatus NonnegativeQp::solve(const std::vector<double>& scaled_right) {
  std::copy_n(scaled_right.begin(), size_, right_.begin());
  SolverStatus status = run();
  while (!status.solved && ridge_ < 5e-3) {
    raise_ridge();
    const int64_t before = status.iterations;
    status = run();
    status.iterations += before;
  }
  return status;
}

void NonnegativeQp::solve_support(const std::vector<double>& v, std::vector<double>& out) {
  for (size_t k = 0; k < support_.size(); ++k) target_[k] = v[static_cast<size_t>(support_[k])];
  forward(target_);
  backward(target_);
  out.assign(static_cast<size_t>(size_), 0);
  for (size_t k = 0; k < support_.size(); ++k) out[static_cast<size_t>(support_[k])] = target_[k];
}

}  // namespace polytask
