#pragma once
#include <polytask/balancing/balancer.h>
#include <polytask/core/random.h>
#include <polytask/data/batch.h>
#include <polytask/training/optimizer.h>
#include <polytask/training/session.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace polytask {

/// What a coupling came to in a step.
struct CouplingResult {
  double value = std::numeric_limits<double>::quiet_NaN();  ///< before its weight, mean over the step's batches
  double weight = 0;
  std::vector<std::pair<std::string, double>> figures;  ///< added up over the step's batches
};

/// What one optimiser step did. Vectors by task go by objective: the tasks, then the couplings that are balanced.
struct StepResult {
  std::vector<double> losses;          ///< mean over the step's batches; NaN where absent in all of them
  Weights weights;                     ///< as applied in the step's last batch
  std::vector<double> gradient_norms;  ///< where they were asked for
  double penalty = std::numeric_limits<double>::quiet_NaN();  ///< Model::penalty(), mean over the step's batches
  std::vector<CouplingResult> couplings;                      ///< as the session's
  double coupled = 0;                                         ///< what those beside the balanced losses add to the sum
  bool skipped = false;                                       ///< on_nan: nothing was changed
  std::vector<std::string> not_finite;                        ///< tasks whose loss or gradient was not finite
  /// The sum that was minimised, without Model::penalty().
  double objective() const { return weights.objective + coupled; }
};

/// Takes batches to optimiser steps: forward, losses, balancing, clipping, update. The session and the optimiser must
/// outlive it.
class Stepper {
 public:
  Stepper(Session& session, GroupedOptimizer& optimizer, Random& balance_random);

  /// One optimiser step from `batches`, a multiple of Needs::independent_batches; more of each: gradient accumulation.
  /// `state` gives step, epoch and history.
  StepResult step(const std::vector<Batch>& batches, LossState state, bool measure_gradients);

  /// Losses of a batch with graph in `epoch`, one scalar per objective; undefined for tasks without a label in it that
  /// counts.
  std::vector<at::Tensor> forward_losses(const Batch& batch, int64_t epoch = 0) {
    return forward(batch, epoch, false).losses;
  }

 private:
  struct Forward {
    std::vector<at::Tensor> losses;
    std::vector<Features> features, leaves;  // where heads and encoder shall come apart
    std::vector<double> kpis;                // where the method needs them
    at::Tensor penalty;                      // with graph; undefined where the model has none
    std::vector<at::Tensor> couplings;       // values before their weight
  };
  Forward forward(const Batch& batch, int64_t epoch, bool for_balancing);
  bool is_coupled(size_t task) const;
  void couple(const Batch& batch, const std::vector<at::Tensor>& outputs, int64_t epoch, Forward& result);
  std::vector<std::pair<at::Tensor, double>> coupling_terms(const Forward& pass, int64_t epoch) const;
  void add_couplings_apart(const Forward& pass, double share, int64_t epoch) const;
  void note_couplings(Forward& pass, size_t batches, const LossState& state, StepResult& result) const;
  void backward(const std::vector<Batch>& batches, LossState& state, StepResult& result, bool measure_gradients);
  void note_losses_after_step(const Batch& batch, LossState& state);
  void add_penalty(const at::Tensor& penalty, size_t batches, StepResult& result) const;
  void note_not_finite_gradients(StepResult& result) const;
  void drop_not_finite(std::vector<at::Tensor>& losses, LossState& state, StepResult& result) const;
  void check_gradients(const std::vector<Batch>& batches, int64_t epoch, StepResult& result);

  Session& session_;
  GroupedOptimizer& optimizer_;
  StreamDraws draws_;
  std::vector<ModelParameter> parameters_;
  std::vector<std::string> objectives_;
};

/// The batch with every tensor on `device`.
Batch to_device(const Batch& batch, const c10::Device& device);
/// The task's target tensors in a batch: value and mask (undefined: all valid), or an undefined value where the task
/// has no label in this batch. Asks the mask only where Batch::labelled has no count of it.
std::pair<at::Tensor, at::Tensor> task_targets(const Batch& batch, const std::string& task);

}  // namespace polytask
