#pragma once
#include <polytask/balancing/method.h>
#include <polytask/core/options.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// Options given win over the convention's, which are:
/// | convention                  | form         | task_types     | initial log variance |
/// | paper, torchjd, nash        | kendall      | ignore         | 0                    |
/// | libmtl, mtan                | kendall      | ignore         | −0.5                 |
/// | auto_lambda                 | kendall      | ignore         | −0.7                 |
/// | samsung                     | kendall      | classification | 0                    |
/// | automatic_weighted_loss     | softplus_reg |                | 0, that is p = 1     |
struct UncertaintyOptions {
  std::string convention = "paper";
  std::optional<std::string> form;        ///< kendall | simple | softplus_reg
  std::optional<std::string> task_types;  ///< ignore | auto | classification; of the form kendall only
  /// One number, or one per task: s_t at the start. softplus_reg starts at p_t = exp(s_t / 2), so that p² = e^s.
  std::vector<double> initial_log_vars;
  std::map<std::string, double> loss_scales;  ///< κ of the tasks named here, in place of the task's own
  std::vector<double> clamp;                  ///< [lowest, highest] log variance; empty: unbounded
  void fields(Fields& f);
};

/// Weighting by learned uncertainty. With s_t = log σ_t², κ_t the task's loss scale and L̃_t = L_t/κ_t, minimises over
/// the present tasks
///   kendall       Σ ½ e^{−s} L̃ + ½ s;  e^{−s} L̃ + ½ s for classification tasks where `task_types` says so
///                 (auto: the task types classification, binary, multilabel; classification: every task)
///   simple        Σ e^{−s} L̃ + s
///   softplus_reg  Σ ½ L̃/p² + log(1 + p²), σ² = p², whose total can not go negative for losses ≥ 0.
/// Learnable, one float64 scalar on the CPU for each task: "log_var.<task>" (s_t), or "sigma.<task>" (p_t) of
/// softplus_reg. They are separate tensors so that a task absent from a batch is left out of the optimiser's step, its
/// moments included. Weights::shown has "sigma2" and "log_var" of every task.
/// weigh() throws a WorkError naming the task where a variance has become so small that its weight is not finite.
/// Sources: Kendall, Gal, Cipolla, Multi-Task Learning Using Uncertainty to Weigh Losses, CVPR 2018; softplus_reg:
/// Liebel, Körner, Auxiliary Tasks in Multi-task Learning, 2018.
class Uncertainty : public LossWeighting {
 public:
  /// InputError for a clamp that is no interval, and for task_types given with a form that has none.
  explicit Uncertainty(const UncertaintyOptions& options);
  /// InputError where initial_log_vars, loss_scales or clamp do not fit the tasks.
  void setup(const std::vector<TaskInfo>& tasks) override;
  NamedTensors parameters() override;
  /// Brings the scales back into the clamp; the sign of p stays.
  void after_step(const LossState& state) override;
  Weights weigh(const LossState& state, bool train) override;

 private:
  struct Task {
    std::string name;
    double loss_scale;   // κ
    double loss_factor;  // a in a e^{−s} L̃ + b s
    at::Tensor scale;    // s or p, a float64 scalar
  };
  struct Term {
    double weight;  // ∂/∂L
    double value;
    double slope;  // ∂/∂s or ∂/∂p
  };
  Task make_task(const TaskInfo& info, double initial_log_var) const;
  double loss_scale_of(const TaskInfo& info) const;
  double loss_factor_of(const std::string& task_type) const;
  Term term(const Task& task, double loss) const;
  double log_var(const Task& task) const;
  void check_clamp(const std::string& name, double initial_log_var) const;

  std::string form_, task_types_;
  std::vector<double> initial_log_vars_;
  std::map<std::string, double> loss_scales_;
  std::vector<double> clamp_;
  std::vector<Task> tasks_;
};

}  // namespace polytask
