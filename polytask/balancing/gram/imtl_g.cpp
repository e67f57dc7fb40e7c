#include <polytask/balancing/gram/imtl_g.h>
#include <polytask/balancing/gram/register.h>
#include <polytask/balancing/gram/unit_gram.h>
#include <polytask/core/error.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <utility>

namespace polytask {
namespace {

const double kRankTolerance = 4;    // in units of R ε
const double kLeastCovered = 1e-7;  // part of 1 in the range of C
const double kLeastSum = 1e-12;     // of α before normalisation, relative
const double kNashRidge = 1e-8;
const double kTorchJdLeastSum = 1e-12;

bool all_finite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
}

// Solves a x = b in place, by elimination with row exchanges; b becomes x. False for a pivot of exactly 0.
bool eliminate(Matrix& a, std::vector<double>& b) {
  const int64_t n = a.rows();
  for (int64_t k = 0; k < n; ++k) {
    int64_t pivot = k;
    for (int64_t i = k + 1; i < n; ++i)
      if (std::abs(a(i, k)) > std::abs(a(pivot, k))) pivot = i;
    if (a(pivot, k) == 0) return false;
    if (pivot != k) {
      std::swap_ranges(a.row(k), a.row(k) + n, a.row(pivot));
      std::swap(b[static_cast<size_t>(k)], b[static_cast<size_t>(pivot)]);
    }
    for (int64_t i = k + 1; i < n; ++i) {
      const double factor = a(i, k) / a(k, k);
      for (int64_t j = k; j < n; ++j) a(i, j) -= factor * a(k, j);
      b[static_cast<size_t>(i)] -= factor * b[static_cast<size_t>(k)];
    }
  }
  for (int64_t k = n - 1; k >= 0; --k) {
    double& x = b[static_cast<size_t>(k)];
    for (int64_t j = k + 1; j < n; ++j) x -= a(k, j) * b[static_cast<size_t>(j)];
    x /= a(k, k);
  }
  return true;
}

}  // namespace

Impartial::Impartial(std::string rule) : rule_(std::move(rule)) {}

bool Impartial::by_projections(const Matrix& gram, std::vector<double>& alpha) {
  unit_gram(gram, units_, norms_);
  ones_.clear();
  for (double norm : norms_) ones_.push_back(norm > 0 ? 1.0 : 0.0);
  const bool solved = inverse_.solve(units_, ones_, kRankTolerance, y_);
  if (solved && inverse_.covered() < kLeastCovered) y_ = ones_;
  double total = 0, size = 0;
  for (size_t i = 0; i < alpha.size(); ++i) {
    alpha[i] = norms_[i] > 0 ? y_[i] / norms_[i] : 0.0;
    total += alpha[i];
    size += std::abs(alpha[i]);
  }
  const bool regular = solved && std::abs(total) > kLeastSum * size;
  for (double& value : alpha) value = regular ? value / total : 1.0 / static_cast<double>(alpha.size());
  return regular && all_finite(alpha);
}

bool Impartial::by_inverse(const Matrix& gram, double ridge, std::vector<double>& alpha) {
  const int64_t n = gram.rows() - 1;
  const auto along = [&](int64_t i, int64_t j) { return gram(i, j) / std::sqrt(gram(j, j)); };  // g_iᵀu_j
  system_.resize(n, n);
  right_.resize(static_cast<size_t>(n));
  for (int64_t j = 0; j < n; ++j) {
    right_[static_cast<size_t>(j)] = along(0, 0) - along(0, j + 1);
    for (int64_t i = 0; i < n; ++i)
      system_(j, i) = along(0, 0) - along(0, j + 1) - along(i + 1, 0) + along(i + 1, j + 1) + (i == j ? ridge : 0.0);
  }
  if (!all_finite(right_) || !eliminate(system_, right_) || !all_finite(right_)) return false;
  alpha[0] = 1 - std::accumulate(right_.begin(), right_.end(), 0.0);
  std::copy(right_.begin(), right_.end(), alpha.begin() + 1);
  return true;
}

void Impartial::by_pseudo_inverse(const Matrix& gram, std::vector<double>& alpha) {
  norms_.clear();
  for (int64_t i = 0; i < gram.rows(); ++i) norms_.push_back(std::sqrt(std::max(0.0, gram(i, i))));
  inverse_.solve(gram, norms_, 1, alpha);
  const double total = std::accumulate(alpha.begin(), alpha.end(), 0.0);
  for (double& value : alpha) value = std::abs(total) < kTorchJdLeastSum ? 0.0 : value / total;
}

std::vector<double> Impartial::solve(const Matrix& gram, SolverStatus& status) {
  std::vector<double> alpha(static_cast<size_t>(gram.rows()), 0.0);
  if (rule_ == "torchjd") {
    by_pseudo_inverse(gram, alpha);
    return alpha;
  }
  if (rule_ != "paper") {
    if (by_inverse(gram, 0, alpha)) return alpha;
    if (rule_ != "libmtl" && by_inverse(gram, kNashRidge, alpha)) return alpha;
    status.solved = false;
  }
  if (!by_projections(gram, alpha)) status.solved = false;
  return alpha;
}

void ImtlGOptions::fields(Fields& f) {
  f.field("convention", convention,
          "how dependent gradients are treated: paper: equal projections by least squares; libmtl, nash, samsung: the "
          "inverse (nash and samsung with 1e-8 on a singular diagonal); torchjd: the pseudo-inverse of M; nash also "
          "weighs the heads",
          one_of({"paper", "libmtl", "nash", "samsung", "torchjd"}));
}

ImtlG::ImtlG(const ImtlGOptions& options) : convention_(options.convention), impartial_(options.convention) {}

HeadGradient ImtlG::heads() const { return convention_ == "nash" ? HeadGradient::weighted : HeadGradient::own; }

GramWeights ImtlG::weigh(const GramState& gram, const LossState&) {
  GramWeights weights;
  weights.w = impartial_.solve(gram.gram, weights.solver);
  return weights;
}

void register_imtl_g(BalancerRegistry& registry) {
  add_gram_weighting<ImtlGOptions>(registry, "imtl_g", "The direction with equal projections on all gradients (IMTL-G)",
                                   "Liu et al., Towards Impartial Multi-task Learning, ICLR 2021, equation 6",
                                   [](const ImtlGOptions& options) { return std::make_unique<ImtlG>(options); });
}

}  // namespace polytask
