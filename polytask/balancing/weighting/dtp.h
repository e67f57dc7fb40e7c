#pragma once
#include <polytask/balancing/method.h>
#include <polytask/core/options.h>

#include <string>
#include <vector>

namespace polytask {

struct DtpOptions {
  double alpha = 0.1;               ///< share of the batch's KPI in the moving average, in (0, 1]
  std::vector<double> gamma = {1};  ///< γ ≥ 0: one number, or one for each task
  double epsilon = 1e-6;            ///< κ is kept in [ε, 1 − ε] for the weight
  void fields(Fields& f);
};

/// Dynamic task prioritisation: the harder a task still is, by its KPI (accuracy, 1 − normalised error, …, in [0, 1]),
/// the more it weighs. κ_t ← α KPI_t + (1 − α) κ_t (the first KPI as it is) in every training batch, then
///   w_t = −(1 − κ_t)^{γ_t} log κ_t,  κ_t within [ε, 1 − ε];  Σ w is free.
/// Weights::shown has "kpi": κ_t before the clamp, 0 where no KPI has been seen.
/// Absent tasks keep their κ. In evaluation κ stays as it is; a task that has none weighs 1.
/// weigh() throws a WorkError in training where the step supplies no KPIs, or one that is not in [0, 1].
/// Source: Guo et al., Dynamic Task Prioritization for Multitask Learning, ECCV 2018, eq. 2–4. Defaults are ours.
class Dtp : public LossWeighting {
 public:
  explicit Dtp(const DtpOptions& options) : options_(options) {}
  /// InputError where gamma does not fit the tasks.
  void setup(const std::vector<TaskInfo>& tasks) override;
  Needs needs() const override;
  Weights weigh(const LossState& state, bool train) override;
  NamedTensors state() const override;
  void load_state(const NamedTensors& state) override;

 private:
  void record(const LossState& state, size_t task);
  double weight(size_t task) const;

  DtpOptions options_;
  std::vector<std::string> names_;
  std::vector<double> gamma_;  // [T]
  std::vector<double> kpis_;   // [T] κ, 0 where none
  std::vector<double> seen_;   // [T] 1 where there is a κ
};

}  // namespace polytask
