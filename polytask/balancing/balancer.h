#pragma once
#include <polytask/balancing/method.h>
#include <polytask/core/registry.h>
#include <polytask/nn/model.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

/// What one batch brings to the backward pass.
struct BackwardContext {
  const std::vector<at::Tensor>& losses;          ///< scalars with graph, one per task; undefined where absent
  const std::vector<ModelParameter>& parameters;  ///< of the model, shared and task-specific
};

/// Carries a method of any family from losses to gradients. The training step knows only this.
class Balancer {
 public:
  virtual ~Balancer() = default;
  virtual BalancingMethod& method() = 0;
  /// Adds share × the balanced gradient to the parameters' .grad and returns what was applied.
  virtual Weights backward(const BackwardContext& context, const LossState& state) = 0;
  /// Weights and objective for given losses, changing nothing (validation).
  virtual Weights evaluate(const LossState& state) = 0;
};

/// A loss weighting: one joint backward pass from the losses of the present tasks, each seeded with share × its weight,
/// so that no graph of a weighted sum is built. Losses without a graph (everything they depend on is frozen) are passed
/// over. WorkError where losses, marks of presence and weights differ in number, or a present loss is undefined.
class JointBalancer : public Balancer {
 public:
  explicit JointBalancer(std::unique_ptr<LossWeighting> weighting) : weighting_(std::move(weighting)) {}
  BalancingMethod& method() override { return *weighting_; }
  Weights backward(const BackwardContext& context, const LossState& state) override;
  Weights evaluate(const LossState& state) override { return weighting_->weigh(state, false); }

 private:
  std::unique_ptr<LossWeighting> weighting_;
};

/// The configured method; the key that names one is `method`.
using BalancerRegistry = Registry<Balancer>;
/// equal, fixed, geometric, scale_invariant, random, uncertainty
BalancerRegistry& balancers();

/// Registers a loss weighting under `name`: `make(options)` gives a std::unique_ptr<LossWeighting>.
template <class Options, class Make>
void add_loss_weighting(BalancerRegistry& registry, const std::string& name, const std::string& summary,
                        const std::string& source, Make make) {
  registry.add<Options>(name, summary, source, [make](const Options& options) -> std::unique_ptr<Balancer> {
    return std::make_unique<JointBalancer>(make(options));
  });
}

}  // namespace polytask
