#pragma once
#include <polytask/balancing/method.h>
#include <polytask/core/options.h>

#include <string>
#include <vector>

namespace polytask {

struct ImtlLOptions {
  std::vector<double> initial_log_scales = {0};  ///< s_t at the start: one number, or one for each task
  void fields(Fields& f);
};

/// Loss balance of IMTL: minimises over the present tasks Σ e^{s_t} L_t − s_t, so that w_t = e^{s_t}, and every scaled
/// loss is drawn to e^{s_t} L_t = 1. Learnable, one float64 scalar on the CPU for each task: "log_scale.<task>" (s_t).
/// Weights::shown has "log_scale". For losses above 0; a loss that stays at or below 0 has no minimum in s.
/// weigh() throws a WorkError naming the task where its weight is not finite.
/// Source: Liu et al., Towards Impartial Multi-task Learning, ICLR 2021, eq. 7 (with e^s in place of a^s).
class ImtlL : public LossWeighting {
 public:
  explicit ImtlL(const ImtlLOptions& options) : options_(options) {}
  /// InputError where initial_log_scales do not fit the tasks.
  void setup(const std::vector<TaskInfo>& tasks) override;
  NamedTensors parameters() override;
  Weights weigh(const LossState& state, bool train) override;

 private:
  ImtlLOptions options_;
  std::vector<std::string> names_;
  std::vector<at::Tensor> scales_;  // [T] float64 scalars
};

}  // namespace polytask
