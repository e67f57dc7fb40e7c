#pragma once
#include <polytask/balancing/method.h>
#include <polytask/solvers/matrix.h>
#include <polytask/solvers/status.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace polytask {

/// What the heads (task-specific parameters) receive: the gradient of their own loss as it is, or times its weight.
enum class HeadGradient { own, weighted };

/// The inner products of one step's task gradients. R rows: the tasks present, in their order.
struct GramState {
  Matrix gram;                 ///< [R, R] M = G Gᵀ
  std::vector<Matrix> blocks;  ///< [R, R] each, their sum is M; where Needs::blocks asks for them
  std::vector<int64_t> tasks;  ///< [R] the task of every row
  std::vector<double> losses;  ///< [R]
  int64_t task_count = 0;      ///< T

  /// Every task present: for tests and for users who call a method by hand. M = G Gᵀ of the rows.
  static GramState of(const std::vector<std::vector<double>>& rows, std::vector<double> losses = {});
  int64_t rows() const { return gram.rows(); }
};

/// What a gradient method decides in a step, for the R rows it was given.
struct GramWeights {
  std::vector<double> w;                     ///< [R] the shared parameters receive Gᵀw
  std::vector<std::vector<double>> block_w;  ///< [blocks][R] in place of w where it differs from block to block
  /// [R] What multiplies each head's own gradient, in place of 1 (`heads: own`) or w (`heads: weighted`).
  std::vector<double> heads;
  std::map<std::string, std::vector<double>> shown;  ///< other figures to log, [R] each
  SolverStatus solver;
};

/// Weights from the T × T Gram matrix. Everything is float64; rows of absent tasks are taken out before.
class GramWeighting : public BalancingMethod {
 public:
  /// The paper's (or convention's) choice of what heads receive.
  virtual HeadGradient heads() const { return HeadGradient::own; }
  /// `state` has all T tasks; `gram` only those present. Never called without a row. May change the method's state.
  virtual GramWeights weigh(const GramState& gram, const LossState& state) = 0;
};

}  // namespace polytask
