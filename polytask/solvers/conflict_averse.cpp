#include <polytask/solvers/conflict_averse.h>
#include <polytask/solvers/min_norm.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace polytask {
namespace {

const double kEpsilon = std::numeric_limits<double>::epsilon();

bool is_finite(const ConflictAverse& solution) {
  const auto finite = [](double value) { return std::isfinite(value); };
  return std::isfinite(solution.length) && std::all_of(solution.y.begin(), solution.y.end(), finite) &&
         std::all_of(solution.x.begin(), solution.x.end(), finite);
}

void set_mean(int64_t rows, ConflictAverse& solution) {
  solution.x.assign(static_cast<size_t>(rows), 1 / static_cast<double>(rows));
  solution.y.assign(static_cast<size_t>(rows), 0);
  solution.lambda = solution.length = 0;
  solution.is_projection = false;
}

}  // namespace

void ConflictAverseSolver::set(double radius, double epsilon) {
  const auto& lengths = qp_.lengths();
  const size_t n = lengths.size();
  radius_ = radius / qp_.scale();
  epsilon_ = epsilon / qp_.scale() / qp_.scale();
  for (auto* vector : {&means_, &right_, &inverse_, &offset_, &first_, &second_, &at_zero_, &found_, &high_.values})
    vector->assign(n, 0);
  double shortest = 1, sum = 0;
  for (size_t i = 0; i < n; ++i) {
    if (lengths[i] == 0) continue;
    inverse_[i] = 1 / lengths[i];
    shortest = std::min(shortest, lengths[i]);
    sum += lengths[i];
    const double* cosines = qp_.cosines().row(static_cast<int64_t>(i));
    for (size_t j = 0; j < n; ++j) means_[i] += cosines[j] * lengths[j];
    means_[i] /= static_cast<double>(n);
  }
  smallest_level_ = shortest * sum / static_cast<double>(n);  // what ν is weighed against, of the shortest row
}

SolverStatus ConflictAverseSolver::solve_level(double level) {
  for (size_t i = 0; i < right_.size(); ++i) right_[i] = level * inverse_[i] - means_[i];
  return qp_.solve(right_);
}

ConflictAverseSolver::Piece ConflictAverseSolver::piece() {
  Piece piece;
  qp_.solve_support(inverse_, first_);
  for (const int64_t row : qp_.support()) {
    const auto i = static_cast<size_t>(row);
    piece.mass += first_[i] * inverse_[i];
    piece.mean += first_[i] * means_[i];
  }
  if (piece.mass == 0) return piece;
  piece.mean /= piece.mass;
  for (size_t i = 0; i < offset_.size(); ++i) offset_[i] = means_[i] - piece.mean * inverse_[i];
  qp_.solve_support(offset_, second_);
  for (const int64_t row : qp_.support())
    piece.gamma += second_[static_cast<size_t>(row)] * offset_[static_cast<size_t>(row)];
  piece.gamma = std::max(piece.gamma, 0.0);
  piece.curvature = 1 / piece.mass + epsilon_;
  return piece;
}

double ConflictAverseSolver::lambda_of(const Piece& piece) const {
  return std::sqrt(std::max(radius_ * radius_ - piece.gamma, 0.0) / piece.curvature);
}

double ConflictAverseSolver::root_of(const Piece& piece) const { return piece.mean + lambda_of(piece) / piece.mass; }

double ConflictAverseSolver::distance_squared(const Piece& piece, double level) const {
  const double lambda = (level - piece.mean) * piece.mass;
  return piece.gamma + lambda * lambda * piece.curvature;
}

// No d within the radius of ḡ has g_iᵀd above b_i + radius ‖g_i‖.
double ConflictAverseSolver::highest_level() const {
  double highest = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < means_.size(); ++i) {
    const double length = qp_.lengths()[i];
    if (length > 0) highest = std::min(highest, means_[i] * length + radius_ * std::sqrt(length * length + epsilon_));
  }
  return highest;
}

// ḡ itself has g_iᵀḡ = b_i.
double ConflictAverseSolver::lowest_level() const {
  double lowest = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < means_.size(); ++i)
    if (qp_.lengths()[i] > 0) lowest = std::min(lowest, means_[i] * qp_.lengths()[i]);
  return lowest;
}

// Up to what the rounding of M leaves open. Leaves the programme at the hull's point of least norm.
bool ConflictAverseSolver::has_origin_in_hull() {
  min_norm::set_right(qp_, right_);
  qp_.solve(right_);
  double square = 0, sum = 0;
  for (const int64_t row : qp_.support()) {
    const auto i = static_cast<size_t>(row);
    square += qp_.values()[i] * right_[i];
    sum += qp_.values()[i];
  }
  return square <= qp_.noise() * sum * sum;
}

// From ḡ, or from the level 0 already solved, up.
void ConflictAverseSolver::set_bracket(bool is_above_zero) {
  low_.level = is_above_zero ? std::max(lowest_level(), 0.0) : lowest_level();
  high_.level = is_above_zero ? highest_level() : 0;
  low_.is_solved = true;
  high_.is_solved = !is_above_zero;
  low_.values.assign(at_zero_.size(), 0);
  (is_above_zero ? low_ : high_).values = at_zero_;
}

// Inside the bracket; not at an end that is solved already, where two supports meet and each points beyond the other.
double ConflictAverseSolver::bracketed(double level) const {
  const double slack = 1e-14 * (std::abs(low_.level) + std::abs(high_.level));
  const double low = low_.level + (low_.is_solved ? slack : -slack);
  const double high = high_.level + (high_.is_solved ? -slack : slack);
  return level > low && level < high ? level : low_.level + (high_.level - low_.level) / 2;
}

SolverStatus ConflictAverseSolver::find_level() {
  SolverStatus status;
  double next = qp_.support().empty() ? high_.level : root_of(piece());
  for (status.iterations = 1; status.iterations <= 200; ++status.iterations) {
    next = bracketed(next);
    status.residual = solve_level(next).residual;
    const Piece now = piece();
    const double square = distance_squared(now, next);
    const double error = std::abs(std::sqrt(square) - radius_) / radius_;
    const double proposal = qp_.support().empty() ? high_.level : root_of(now);
    const bool is_settled = error <= 1e-9 && std::abs(proposal - next) <= 8 * kEpsilon * std::abs(next);
    found_ = qp_.values();
    if (error <= 1e-13 || is_settled) {
      const double lambda = (next - now.mean) * now.mass;
      length_ = std::sqrt(std::max(square - epsilon_ * lambda * lambda, 0.0));
      status.residual = std::max(status.residual, error);
      return status;
    }
    Bound& bound = square < radius_ * radius_ ? low_ : high_;
    bound.level = next;
    bound.values = found_;
    bound.is_solved = true;
    const double size = std::max({std::abs(low_.level), std::abs(high_.level), smallest_level_});
    if (high_.level - low_.level <= 4 * kEpsilon * size) break;
    next = proposal;
  }
  status.residual = std::max(status.residual, mix_bounds());
  return status;
}

// uᵀCv and (1ᵀD⁻¹u)(1ᵀD⁻¹v)
std::pair<double, double> ConflictAverseSolver::products(const std::vector<double>& u,
                                                         const std::vector<double>& v) const {
  double product = 0, left = 0, right = 0;
  for (size_t i = 0; i < u.size(); ++i) {
    const double* cosines = qp_.cosines().row(static_cast<int64_t>(i));
    double sum = 0;
    for (size_t j = 0; j < v.size(); ++j) sum += cosines[j] * v[j];
    product += u[i] * sum;
    left += u[i] * inverse_[i];
    right += v[i] * inverse_[i];
  }
  return {product, left * right};
}

// Where rows depend on one another y may jump at a level: between the two sides, at the radius. Gives the error left.
double ConflictAverseSolver::mix_bounds() {
  const auto combined = [&](const std::vector<double>& u, const std::vector<double>& v) {
    const auto [product, square] = products(u, v);
    return product + epsilon_ * square;
  };
  if (low_.is_solved && high_.is_solved) {
    const double first = combined(low_.values, low_.values), cross = combined(low_.values, high_.values);
    const double second = combined(high_.values, high_.values), missing = radius_ * radius_ - first;
    const double slope = cross - first, bend = first - 2 * cross + second;
    const double root = std::sqrt(std::max(slope * slope + bend * missing, 0.0));
    const double share = missing > 0 && slope + root > 0 ? std::min(missing / (slope + root), 1.0) : 0;
    for (size_t i = 0; i < found_.size(); ++i) found_[i] = (1 - share) * low_.values[i] + share * high_.values[i];
  }
  length_ = std::sqrt(std::max(products(found_, found_).first, 0.0));
  return std::abs(std::sqrt(std::max(combined(found_, found_), 0.0)) - radius_) / radius_;
}

// The point of {d : Gd ≥ 0} nearest to ḡ; x holds the combination of rows that vanishes.
void ConflictAverseSolver::read_projection(ConflictAverse& solution) const {
  double square = 0, sum = 0;
  for (size_t i = 0; i < at_zero_.size(); ++i) {
    square -= at_zero_[i] * means_[i];
    solution.y[i] = at_zero_[i] * inverse_[i];
    sum += solution.y[i];
  }
  square = std::max(square, 0.0);
  min_norm::read_simplex(qp_, solution.x);
  solution.is_projection = true;
  solution.length = std::sqrt(square) * qp_.scale();
  solution.lambda = std::numeric_limits<double>::infinity();
  if (epsilon_ > 0) solution.lambda = std::sqrt(std::max(radius_ * radius_ - square, 0.0) / epsilon_);
  if (!(solution.lambda > sum)) return;
  for (size_t i = 0; i < solution.x.size(); ++i)
    solution.x[i] = (1 - sum / solution.lambda) * solution.x[i] + solution.y[i] / solution.lambda;
}

void ConflictAverseSolver::read(ConflictAverse& solution) const {
  solution.lambda = 0;
  for (size_t i = 0; i < solution.y.size(); ++i) {
    solution.y[i] = found_[i] * inverse_[i];
    solution.lambda += solution.y[i];
  }
  for (size_t i = 0; i < solution.x.size(); ++i) solution.x[i] = solution.y[i] / solution.lambda;
  solution.length = length_ * qp_.scale();
}

SolverStatus ConflictAverseSolver::solve(const Matrix& gram, double radius, double epsilon, ConflictAverse& solution) {
  set_mean(gram.rows(), solution);
  if (!qp_.set(gram) || !std::isfinite(radius)) return {false, 0, 1};
  if (qp_.scale() == 0 || !(radius > 0)) return {};
  set(radius, epsilon);
  SolverStatus status = solve_level(0);
  at_zero_ = qp_.values();
  const bool reaches_zero = distance_squared(piece(), 0) <= radius_ * radius_ * (1 + 1e-12);
  const bool has_zero_row = std::count(qp_.lengths().begin(), qp_.lengths().end(), 0.0) > 0;
  if (reaches_zero && (has_zero_row || has_origin_in_hull())) {
    read_projection(solution);
  } else {
    set_bracket(reaches_zero);
    status = find_level();
    read(solution);
  }
  status.solved = status.residual <= 1e-7 && is_finite(solution);
  if (!is_finite(solution)) set_mean(gram.rows(), solution);
  return status;
}

}  // namespace polytask
