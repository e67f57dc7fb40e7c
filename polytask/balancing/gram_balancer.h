#pragma once
#include <polytask/balancing/balancer.h>
#include <polytask/balancing/gradient_options.h>
#include <polytask/balancing/gram_weighting.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

class GradientEngine;

/// Carries a Gram weighting from losses to gradients: task gradients (or only their inner products), M, weights, one
/// combination. See docs/balancing.md, "The step".
class GramBalancer : public Balancer {
 public:
  GramBalancer(std::unique_ptr<GramWeighting> weighting, const GramOptions& options);
  ~GramBalancer() override;
  BalancingMethod& method() override { return *weighting_; }
  GramWeighting& weighting() { return *weighting_; }
  void prepare(const ModelFacts& model) override;
  Weights backward(const BackwardContext& context, const LossState& state) override;
  bool splits_graph() const override { return true; }
  void abandon() override;
  /// The plain sum of the present losses: gradient methods minimise no scalar.
  Weights evaluate(const LossState& state) override;
  NamedTensors state() override;
  void load_state(const NamedTensors& state) override;
  /// Puts `wrap(weighting)` in the weighting's place, for methods that wrap another.
  template <class Wrap>
  void wrap(Wrap wrap) {
    weighting_ = wrap(std::move(weighting_));
  }

 private:
  bool has_weights_for(const LossState& state, bool last) const;
  Weights finish(const BackwardContext& context, const LossState& state);
  void keep(const GramWeights& weights, const LossState& state);

  std::unique_ptr<GramWeighting> weighting_;
  GramOptions options_;
  std::unique_ptr<GradientEngine> engine_;
  bool in_step_ = false, reuse_ = false;
  std::vector<double> kept_, kept_heads_;  // [T] weights of `every`, NaN where a task had none
  int64_t kept_at_ = 0;
};

/// A method's options with those of every Gram weighting beside them. `Options::kHeads` is the paper's choice of what
/// heads receive, "own" or "weighted".
template <class Options>
struct WithGramOptions {
  Options method;
  GramOptions gram;
  void fields(Fields& f) {
    method.fields(f);
    gram.fields(f, Options::kHeads);
  }
};

/// Registers a Gram weighting under `name`: `make(options)` gives a std::unique_ptr<GramWeighting>.
template <class Options, class Make>
void add_gram_weighting(BalancerRegistry& registry, const std::string& name, const std::string& summary,
                        const std::string& source, Make make) {
  registry.add<WithGramOptions<Options>>(name, summary, source,
                                         [make](const WithGramOptions<Options>& options) -> std::unique_ptr<Balancer> {
                                           return std::make_unique<GramBalancer>(make(options.method), options.gram);
                                         });
}

}  // namespace polytask
