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
  /// What the encoder gave (Model::represent): one entry per task, or one that all share. Empty: the losses' graphs go
  /// all the way down.
  std::vector<Features> features = {};
  /// Detached copies of `features`, requiring gradients, that the heads were fed instead: the losses' graphs end there.
  std::vector<Features> leaves = {};
  int64_t sample = 0;  ///< which of Needs::independent_batches this batch belongs to
  bool last = true;    ///< the step's last batch: after it the gradients are complete
  /// A task whose gradient is not finite is left out of the step; false: the step is given up, nothing changes.
  bool skip_tasks = false;
  /// Terms of the objective beside the balanced losses, with their weights: a balancer that does not split the graph
  /// walks them along.
  std::vector<std::pair<at::Tensor, double>> terms = {};
  /// Losses share graphs of heads, which must outlast the walk of one of them.
  bool heads_shared = false;
  bool measure_norms = false;  ///< Weights::gradient_norms are asked for, where the method's gradients give them
};

/// What a balancer may know of the model before training.
struct ModelFacts {
  std::vector<ModelParameter> parameters;
  std::string last_shared_layer;   ///< names of modules, separated by commas; "" for none
  bool one_representation = true;  ///< the heads of all tasks are fed the same features
};

/// Carries a method of any family from losses to gradients. The training step knows only this.
class Balancer {
 public:
  virtual ~Balancer() = default;
  virtual BalancingMethod& method() = 0;
  /// Refuses, before training, what can not work on this model. Throws InputError.
  virtual void prepare(const ModelFacts& model) { (void)model; }
  /// Heads and encoder shall come apart: the context needs `features` and `leaves`.
  virtual bool splits_graph() const { return false; }
  /// One of a step's batches: adds share × the balanced gradient to the parameters' .grad, or keeps it until the last
  /// batch. Returns what was applied (of the last batch; gradient methods return nothing before it).
  virtual Weights backward(const BackwardContext& context, const LossState& state) = 0;
  /// Forgets what was kept from a step's earlier batches: the step was given up.
  virtual void abandon() {}
  /// Weights and objective for given losses, changing nothing (validation).
  virtual Weights evaluate(const LossState& state) = 0;
  /// Everything that steps change, the method's and the balancer's own, besides the method's parameters().
  virtual NamedTensors state() { return method().state(); }
  virtual void load_state(const NamedTensors& state) { method().load_state(state); }
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
  /// Puts `wrap(weighting)` in the weighting's place, for methods that wrap another.
  template <class Wrap>
  void wrap(Wrap wrap) {
    weighting_ = wrap(std::move(weighting_));
  }

 private:
  std::unique_ptr<LossWeighting> weighting_;
};

/// Seeds each present loss with share × its weight and walks the joint graph once.
void joint_backward(const BackwardContext& context, const LossState& state, const std::vector<double>& w);

/// The configured method; the key that names one is `method`.
using BalancerRegistry = Registry<Balancer>;
/// All methods of docs/balancing.md.
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
