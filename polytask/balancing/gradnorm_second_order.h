#pragma once
#include <polytask/balancing/balancer.h>
#include <polytask/balancing/gradient_options.h>
#include <polytask/balancing/gram/gradnorm.h>

#include <memory>
#include <string>
#include <vector>

namespace polytask {

/// Carries GradNorm by the convention lucidrains, whose loss of the gradient norms also acts on the network: the norms
/// are kept as a graph, and one backward pass takes Σ w_t L_t and Σ |G_t − target_t|/T together. It needs losses that
/// can be differentiated twice. The norms are those of the weights (parameters of two dimensions or more) in the scope.
class GradNormSecondOrder : public Balancer {
 public:
  /// InputError for options that this convention has not: `heads: own`, `every` above 1, `gram: outputs`, a scope of
  /// the representation.
  GradNormSecondOrder(std::unique_ptr<GradNorm> weighting, const GramOptions& options);
  BalancingMethod& method() override { return *weighting_; }
  /// InputError where the scope has no weights.
  void prepare(const ModelFacts& model) override;
  Weights backward(const BackwardContext& context, const LossState& state) override;
  /// The plain sum of the present losses, and the weights last applied.
  Weights evaluate(const LossState& state) override;

 private:
  GramState measure(const BackwardContext& context, const LossState& state, std::vector<at::Tensor>& norms) const;

  std::unique_ptr<GradNorm> weighting_;
  std::vector<std::string> scope_;
  std::vector<at::Tensor> measured_;  // the weights in the scope
  std::vector<double> applied_;
};

}  // namespace polytask
