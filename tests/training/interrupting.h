#pragma once
#include <polytask/balancing/balancer.h>
#include <polytask/nn/backbone.h>

#include <csignal>
#include <memory>

namespace polytask {

/// Any backbone, which sends SIGTERM to the process at forward pass `interrupt_at` in training (counted from 0 since it
/// was built; −1: never), whatever the configuration says: an interruption at an exact place.
inline int64_t interrupt_at = -1;

struct InterruptingOptions {
  Node inner = Node::map_of({{"type", Node::scalar_of("mlp")}});
  void fields(Fields& f) { f.field("inner", inner, "the backbone itself"); }
};

class InterruptingBackbone : public Backbone {
 public:
  InterruptingBackbone(const InterruptingOptions& options, const InputShape& shape)
      : inner_(register_module("inner", std::shared_ptr<Backbone>(backbones().create(options.inner, shape)))) {}
  std::vector<Level> levels() const override { return inner_->levels(); }
  Features forward(const at::Tensor& input) override {
    if (is_training() && calls_++ == interrupt_at) std::raise(SIGTERM);
    return inner_->forward(input);
  }

 private:
  int64_t calls_ = 0;
  std::shared_ptr<Backbone> inner_;
};

struct SignalAt {
  int64_t step = -1;
  void fields(Fields& f) { f.field("step", step, "step at which the process receives SIGTERM"); }
};

/// Equal weights, and a signal to ourselves at one step: an interruption at an exact place.
class SignallingWeighting : public LossWeighting {
 public:
  explicit SignallingWeighting(int64_t step) : step_(step) {}
  Weights weigh(const LossState& state, bool train) override {
    if (train && state.step == step_) std::raise(SIGTERM);
    Weights weights;
    for (size_t t = 0; t < state.losses.size(); ++t) {
      weights.w.push_back(state.present[t] ? 1.0 : 0.0);
      if (state.present[t]) weights.objective += state.losses[t];
    }
    return weights;
  }

 private:
  int64_t step_;
};

/// The method `signalling`: SIGTERM at its option `step`.
inline void register_signalling() {
  add_loss_weighting<SignalAt>(balancers(), "signalling", "raises SIGTERM", "", [](const SignalAt& options) {
    return std::make_unique<SignallingWeighting>(options.step);
  });
}

inline void register_interrupting() {
  backbones().add<InterruptingOptions>("interrupting", "interrupts itself", "",
                                       [](const InterruptingOptions& options, const InputShape& shape) {
                                         return std::make_unique<InterruptingBackbone>(options, shape);
                                       });
}

}  // namespace polytask
