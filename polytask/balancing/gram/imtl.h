#pragma once
#include <polytask/balancing/gram/imtl_g.h>
#include <polytask/balancing/gram_weighting.h>
#include <polytask/core/options.h>

#include <string>
#include <vector>

namespace polytask {

struct ImtlOptions {
  static constexpr const char* kHeads = "own";
  std::string convention = "paper";  ///< paper | libmtl: the rule of Impartial
  double initial_log_scale = 0;      ///< s_t at the start
  void fields(Fields& f);
};

/// Impartial multi-task learning, both parts. Every loss has a learned scale e^{s_t}, which minimises Σ e^{s_t} L_t −
/// s_t (∂/∂s_t = e^{s_t} L_t − 1); Impartial gives α for the rows e^{s_t} g_t. Shared parameters receive Σ α_t e^{s_t}
/// g_t, that is w_t = α_t e^{s_t}, heads e^{s_t} times the gradient of their own loss. Learnable, one float64 scalar on
/// the CPU for each task: "log_scale.<task>". Shown: "alpha", "log_scale". weigh() throws a WorkError naming the task
/// whose scale is not finite. Source: Liu et al., Towards Impartial Multi-task Learning, ICLR 2021, equations 6 and 8,
/// as LibMTL combines them.
class Imtl : public GramWeighting {
 public:
  explicit Imtl(const ImtlOptions& options);
  void setup(const std::vector<TaskInfo>& tasks) override;
  NamedTensors parameters() override;
  GramWeights weigh(const GramState& gram, const LossState& state) override;

 private:
  double scale(int64_t task, const LossState& state) const;

  double initial_log_scale_;
  Impartial impartial_;
  std::vector<std::string> names_;
  std::vector<at::Tensor> log_scales_;
  Matrix scaled_;
};

}  // namespace polytask
