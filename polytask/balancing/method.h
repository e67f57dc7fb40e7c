#pragma once
#include <polytask/balancing/draws.h>
#include <polytask/core/tensors.h>
#include <polytask/solvers/status.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// Into which blocks of shared parameters a method wants M divided.
enum class BlockSize { whole, layer, tensor };

/// What a method must be given in a step; the step computes exactly this and nothing more.
struct Needs {
  bool loss_history = false;            ///< epoch means of the losses
  bool kpis = false;                    ///< a KPI per task
  BlockSize blocks = BlockSize::whole;  ///< other than whole: M of every layer (leaf module) or parameter tensor
  int64_t independent_batches = 1;      ///< gradients of that many separate batches
  bool second_loss = false;             ///< the losses once more after the parameters moved: after_step()
};

/// Facts about the tasks that do not change during a run.
struct TaskInfo {
  std::string name;
  std::string type;       ///< "classification", "regression", …
  double loss_scale = 1;  ///< κ
};

/// What a method may look at in a step. T tasks; every vector has length T.
struct LossState {
  std::vector<double> losses;                     ///< L_t; anything where absent
  std::vector<char> present;                      ///< has a labelled sample in this batch (and a finite loss)
  std::vector<double> kpis;                       ///< in [0, 1], where Needs::kpis
  int64_t step = 0;                               ///< optimiser steps taken so far
  int64_t epoch = 0;                              ///< 0-based
  std::vector<std::vector<double>> epoch_losses;  ///< [epoch][T] means of finished epochs, where Needs::loss_history
  double share = 1;  ///< this batch's share of the optimiser step: 1 / gradient accumulation
  Draws* draws = nullptr;

  /// Every task present, the first step: for tests and for users who call a method by hand.
  static LossState of(std::vector<double> losses);
  int64_t tasks() const { return static_cast<int64_t>(losses.size()); }
};

/// What a method decides in a step.
struct Weights {
  std::vector<double> w;  ///< dLoss/dL_t, the applied weights; 0 where absent
  double objective = 0;   ///< the scalar that is minimised, regularisers included: what `val/loss` and logs call "loss"
  std::map<std::string, std::vector<double>> shown;  ///< other figures to log per task ("sigma2")
  std::optional<SolverStatus> solver;                ///< where the method solved a problem in this step
  std::vector<int64_t> not_finite;                   ///< tasks whose gradient was not finite
  std::vector<double> gradient_norms;                ///< [T] of the scope; NaN where absent; empty where not known
};

/// Common to all families of balancing methods.
class BalancingMethod {
 public:
  virtual ~BalancingMethod() = default;
  /// Called once before training, and before load_state.
  virtual void setup(const std::vector<TaskInfo>& tasks) { (void)tasks; }
  virtual Needs needs() const { return {}; }
  /// Learnable scales, for the `balancing` parameter group (own learning rate, no weight decay). Training adds share ×
  /// their gradient to .grad.
  virtual NamedTensors parameters() { return {}; }
  /// After each optimiser step (clamping of learnable scales). Where Needs::second_loss, `state.losses` are those of
  /// the same batch after the step.
  virtual void after_step(const LossState& state) { (void)state; }
  /// Everything that steps change, besides parameters().
  virtual NamedTensors state() const { return {}; }
  virtual void load_state(const NamedTensors& state) { (void)state; }
};

/// Weights from losses, their history, KPIs: one joint backward pass. w_t = dLoss/dL_t.
class LossWeighting : public BalancingMethod {
 public:
  /// `train` false (evaluation): no state changes, no gradients of parameters, no draws.
  virtual Weights weigh(const LossState& state, bool train) = 0;
};

}  // namespace polytask
