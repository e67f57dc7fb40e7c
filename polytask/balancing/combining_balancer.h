#pragma once
#include <polytask/balancing/balancer.h>
#include <polytask/balancing/gradient_combiner.h>
#include <polytask/balancing/gradient_options.h>

#include <memory>
#include <string>
#include <vector>

namespace polytask {

class GradientEngine;

/// Carries a method that looks at the task gradients themselves: rows into one T × P buffer (one for each independent
/// batch), then its direction, or Gᵀw.
class CombiningBalancer : public Balancer {
 public:
  CombiningBalancer(std::unique_ptr<GradientCombiner> combiner, const GradientOptions& options);
  ~CombiningBalancer() override;
  BalancingMethod& method() override { return *combiner_; }
  GradientCombiner& combiner() { return *combiner_; }
  void prepare(const ModelFacts& model) override;
  Weights backward(const BackwardContext& context, const LossState& state) override;
  bool splits_graph() const override { return true; }
  void abandon() override;
  /// The plain sum of the present losses: these methods minimise no scalar.
  Weights evaluate(const LossState& state) override;

 private:
  Weights finish(const BackwardContext& context, const LossState& state);
  static std::vector<int64_t> not_finite_tasks(const GradientRows& rows);

  std::unique_ptr<GradientCombiner> combiner_;
  GradientOptions options_;
  std::unique_ptr<GradientEngine> engine_;
};

/// A combiner's options with those of every gradient method beside them. `Options::kHeads` is the paper's choice of
/// what heads receive, "own" or "weighted".
template <class Options>
struct WithGradientOptions {
  Options method;
  GradientOptions gradients;
  void fields(Fields& f) {
    method.fields(f);
    gradients.fields(f, Options::kHeads);
  }
};

/// Registers a combiner under `name`: `make(options)` gives a std::unique_ptr<GradientCombiner>.
template <class Options, class Make>
void add_combiner(BalancerRegistry& registry, const std::string& name, const std::string& summary,
                  const std::string& source, Make make) {
  registry.add<WithGradientOptions<Options>>(
      name, summary, source, [make](const WithGradientOptions<Options>& options) -> std::unique_ptr<Balancer> {
        return std::make_unique<CombiningBalancer>(make(options.method), options.gradients);
      });
}

}  // namespace polytask
