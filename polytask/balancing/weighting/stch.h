#pragma once
#include <polytask/balancing/method.h>
#include <polytask/core/options.h>

#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// Options given win over the convention's: paper and libmtl have the form nadir, torchjd the form plain.
struct StchOptions {
  std::string convention = "paper";
  std::optional<std::string> form;  ///< nadir | plain
  double mu = 1;                    ///< μ: the lower, the closer to the plain maximum
  std::optional<int64_t> warmup;    ///< W, of the form nadir only; default 4
  std::optional<double> epsilon;    ///< ε, of the form nadir only; default 1e-20
  std::vector<double> weights;      ///< λ_t ≥ 0, of the form plain only; default 1/(tasks present)
  std::vector<double> reference;    ///< z_t, of the form plain only; default 0
  void fields(Fields& f);
};

/// Smooth Tchebycheff scalarisation: the worst of the scaled losses is minimised, smoothly. Over the T present tasks,
///   plain  μ log Σ exp(λ_t (L_t − z_t)/μ),  w_t = λ_t softmax(λ (L − z)/μ)_t
///   nadir  epochs 0 … W: Σ log(L_t + ε), w_t = 1/(L_t + ε); thereafter, with n_t the mean of L_t over the batches of
///          epoch W and ℓ_t = log(L_t/n_t + ε), T μ log Σ exp(ℓ_t/μ), w_t = T softmax(ℓ/μ)_t / (L_t + ε n_t).
/// The form nadir is that of the authors' multi-task code, where scale matters; its peers report the objective less
/// T max ℓ, a constant to the gradient. Weights::shown has "nadir" (n_t, 0 while it is not known) after epoch W.
/// Absent tasks take no part, and batches without them none in their mean. A task that was absent throughout epoch W
/// takes the first loss it has thereafter for its nadir.
/// weigh() throws a WorkError naming the task where a logarithm of the form nadir has no positive argument.
/// Source: Lin et al., Smooth Tchebycheff Scalarization for Multi-Objective Optimization, ICML 2024, eq. 7.
class Stch : public LossWeighting {
 public:
  /// InputError for an option given that the form does not have.
  explicit Stch(const StchOptions& options);
  /// InputError where weights or reference do not fit the tasks, or all weights are 0.
  void setup(const std::vector<TaskInfo>& tasks) override;
  Weights weigh(const LossState& state, bool train) override;
  /// Of the form nadir: sums and counts of the losses that make it.
  NamedTensors state() const override;
  void load_state(const NamedTensors& state) override;

 private:
  Weights weigh_plain(const LossState& state) const;
  Weights weigh_logarithms(const LossState& state) const;
  Weights weigh_by_nadir(const LossState& state) const;
  void record(const LossState& state);
  double nadir(size_t task) const;

  StchOptions options_;
  bool plain_;
  int64_t warmup_;
  double epsilon_;
  std::vector<std::string> names_;
  std::vector<double> weights_, reference_;  // [T]; weights_ empty for 1/(tasks present)
  std::vector<double> sums_, counts_;        // [T]
};

}  // namespace polytask
