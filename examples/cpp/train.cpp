// Training from C++ with a network and a loss weighting of one's own. Usage: example_train RUN_DIRECTORY
#include <polytask/balancing/balancer.h>
#include <polytask/config/yaml.h>
#include <polytask/core/error.h>
#include <polytask/reporting/result_table.h>
#include <polytask/training/train.h>

#include <torch/nn.h>

#include <cmath>
#include <iostream>

using namespace polytask;

// Any module whose forward takes a batch and gives one tensor can be the shared part.
struct TwoLayersImpl : torch::nn::Module {
  TwoLayersImpl(int64_t inputs, int64_t width) : first(inputs, width), second(width, width) {
    register_module("first", first);
    register_module("second", second);
  }
  at::Tensor forward(const at::Tensor& x) { return torch::tanh(second(torch::relu(first(x)))); }
  torch::nn::Linear first, second;
};
struct TwoLayersOptions {
  int64_t width = 32;
  void fields(Fields& f) { f.field("width", width, "neurons of both layers", at_least(1)); }
};

// A weighting gives dLoss/dL_t for every task: here the harder task counts more, softmax(L / temperature) times T.
struct HardestOptions {
  double temperature = 1.0;
  void fields(Fields& f) { f.field("temperature", temperature, "high: nearly equal weights", above(0)); }
};
class HardestFirst : public LossWeighting {
 public:
  explicit HardestFirst(double temperature) : temperature_(temperature) {}
  Weights weigh(const LossState& state, bool) override {
    Weights result;
    double sum = 0, present = 0;
    for (size_t t = 0; t < state.losses.size(); ++t) {
      result.w.push_back(state.present[t] ? std::exp(state.losses[t] / temperature_) : 0.0);
      sum += result.w[t];
      present += state.present[t];
    }
    for (size_t t = 0; t < result.w.size(); ++t) result.objective += (result.w[t] *= present / sum) * state.losses[t];
    return result;
  }

 private:
  double temperature_;
};

int main(int argc, char** argv) try {
  backbones().add<TwoLayersOptions>("two_layers", "two layers", "",
                                    [](const TwoLayersOptions& o, const InputShape& shape) {
                                      return std::make_unique<WrappedBackbone<TwoLayersImpl>>(
                                          std::make_shared<TwoLayersImpl>(shape[0], o.width), o.width);
                                    });
  add_loss_weighting<HardestOptions>(
      balancers(), "hardest_first", "softmax of the losses", "",
      [](const HardestOptions& o) { return std::make_unique<HardestFirst>(o.temperature); });
  const auto result = train(parse_yaml(R"(
    data: {source: tabular, count: 2000, split: {validation: 0.1, test: 0.2}}
    model: {backbone: {type: two_layers, width: 48}}
    tasks:
      kind: {type: classification, target: kind}
      strength: {type: regression, target: strength}
    balancing: {method: hardest_first, temperature: 2}
    train: {epochs: 5}
  )",
                                       "example"),
                            {argc > 1 ? argv[1] : "", {}});
  std::cout << metrics_table(result.tasks, {"test"}, {&*result.test}) << "run: " << result.run << "\n";
} catch (const Error& e) {
  std::cerr << e.what() << "\n";
  return e.exit_status();
}
