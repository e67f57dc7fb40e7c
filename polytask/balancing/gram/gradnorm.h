#pragma once
#include <polytask/balancing/gram_weighting.h>
#include <polytask/core/options.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// What a convention sets:
/// | convention | learned | w applied    | heads | L(0)            | exponent | alpha | default scope     |
/// | paper      | w = 1   | w            | w     | first loss      | α        | 1.5   | last_shared_layer |
/// | brianlan   | w = 1   | w            | w     | first loss      | α        | 1.5   | last_shared_layer |
/// | libmtl     | s = 1   | T softmax(s) | 1     | mean of epoch 0 | α        | 1.5   | shared            |
/// | samsung    | w = 1   | w            | 1 + w | first loss      | α        | 2     | last_shared_layer |
/// | lucidrains | w = 1   | w            | w     | first loss      | −α       | 0     | last_shared_layer |
/// - After every step w ← w T/Σw (lucidrains: w T/Σ|w|); samsung keeps w, and takes the norms at w T/Σw.
/// - lucidrains takes the mean in place of the sum over tasks, and lets the loss of the norms act on the network as
///   well, to second order (GradNormSecondOrder).
/// - With the mean of epoch 0 as L(0) nothing is weighed in epoch 0.
/// - samsung's inner layers get w here, not its 1 + w.
/// brianlan is github.com/brianlan/pytorch-grad-norm, lucidrains gradnorm-pytorch 0.1.1.
struct GradNormOptions {
  static constexpr const char* kHeads = "weighted";
  std::string convention = "paper";
  std::optional<double> alpha;         ///< strength of the pull towards equal training rates
  std::optional<std::string> initial;  ///< first | epoch: L(0)
  void fields(Fields& f);
};

/// Gradient normalisation. With n_t the norm of task t's gradient in the scope and G_t = w_t n_t, training steps the
/// learnable w by the gradient of
///   Σ_t |G_t − Ḡ r_t^α|,   r_t = (L_t/L_t(0)) / mean_i (L_i/L_i(0)),
/// whose target Ḡ r^α is constant. Only the diagonal of M is used; means are over the tasks present. A loss ratio that
/// is not a positive number counts as 1. w of the conventions paper, brianlan and samsung is kept ≥ 1e-8. The
/// renormalisation moves only the tasks present since the last one, so that all sum to T.
/// Learnable, one float64 scalar on the CPU for each task: "weight.<task>", or "log_weight.<task>" of libmtl. State:
/// "initial_losses" [T], NaN where the task was not seen yet. Shown: "norm" (G), "target", "rate" (r).
/// Source: Chen, Badrinarayanan, Lee, Rabinovich, GradNorm, ICML 2018, equations 1–2, algorithm 1.
class GradNorm : public GramWeighting {
 public:
  explicit GradNorm(const GradNormOptions& options);
  /// The convention's default of the option `scope`.
  static std::vector<std::string> default_scope(const std::string& convention);
  void setup(const std::vector<TaskInfo>& tasks) override;
  Needs needs() const override;
  HeadGradient heads() const override;
  NamedTensors parameters() override;
  void after_step(const LossState& state) override;
  NamedTensors state() const override;
  void load_state(const NamedTensors& state) override;
  GramWeights weigh(const GramState& gram, const LossState& state) override;
  /// [R] derivatives of the last weigh()'s loss of the norms by n_t.
  const std::vector<double>& slopes() const { return slopes_; }

 private:
  std::vector<double> applied(const std::vector<int64_t>& tasks) const;
  std::vector<double> rates(const GramState& gram, const LossState& state);
  double initial_loss(int64_t task, double loss, const LossState& state);
  void learn(const GramState& gram, const LossState& state, GramWeights& weights);
  void add_gradients(const GramState& gram, const std::vector<double>& w, const std::vector<double>& by_weight,
                     double share);
  double value(int64_t task) const { return learnables_[static_cast<size_t>(task)].item<double>(); }

  std::string convention_;
  double alpha_;
  bool by_epoch_;
  std::vector<std::string> names_;
  std::vector<at::Tensor> learnables_;
  std::vector<double> initial_losses_;
  std::vector<char> stepped_;  // present since the last renormalisation
  std::vector<double> slopes_;
};

}  // namespace polytask
