#pragma once
#include <polytask/balancing/method.h>
#include <polytask/core/options.h>

#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// Options given win over the convention's, which are:
/// | convention      | weight_decay |
/// | paper, official | 0.01         |
/// | libmtl, torchjd | 0.001        |
/// | fairgrad        | 0.00001      |
struct FamoOptions {
  std::string convention = "paper";
  double lr = 0.025;                     ///< of the logits' Adam
  std::optional<double> weight_decay;    ///< γ, added to the logits' gradient as γ × logits
  std::vector<double> min_losses = {0};  ///< b_t, a lower bound of the loss: one number, or one for each task
  double epsilon = 1e-8;                 ///< added to L − b
  void fields(Fields& f);
};

/// Fast adaptive multitask optimisation: all losses are to fall at the same rate. With logits ξ (0 at first),
/// z = softmax(ξ), D = L − b + ε and c = Σ z/D over the present tasks, minimises Σ z log D / c with z and c constant:
///   w_t = z_t/(c D_t), Σ w = 1.
/// After the step, from the losses of the same batch: δ = log D_before − log D_after, and Adam (β 0.9, 0.999, ε 1e-8)
/// steps ξ by the gradient z ⊙ (δ − zᵀδ) + γ ξ. The official code also clips the shared gradients to norm 1, which is
/// `train.clip: {shared: 1}` here. Weights::shown has "z".
/// Absent tasks: z and w are normalised over the present ones. Only tasks present both before and after the step (with
/// a loss above b − ε and finite) are stepped, with z normalised over them; the logits, moments and counts of the
/// others stay. Of several batches in a step, that of the last weigh() is compared. weigh() throws a WorkError naming
/// the task where L − b + ε is not above 0. Source: Liu et al., FAMO: Fast Adaptive Multitask Optimization, NeurIPS
/// 2023, alg. 1.
class Famo : public LossWeighting {
 public:
  explicit Famo(const FamoOptions& options);
  /// InputError where min_losses do not fit the tasks.
  void setup(const std::vector<TaskInfo>& tasks) override;
  Needs needs() const override;
  Weights weigh(const LossState& state, bool train) override;
  void after_step(const LossState& state) override;
  NamedTensors state() const override;
  void load_state(const NamedTensors& state) override;

 private:
  std::vector<double> shares(const std::vector<size_t>& tasks) const;
  double log_excess(const LossState& state, size_t task) const;
  void step_logit(size_t task, double gradient);

  FamoOptions options_;
  std::vector<std::string> names_;
  std::vector<double> min_losses_;                               // [T]
  std::vector<double> logits_, first_moments_, second_moments_;  // [T]
  std::vector<double> steps_;                                    // [T]
  std::vector<double> logs_before_;                              // [T] log D of the last batch, NaN where absent
};

}  // namespace polytask
