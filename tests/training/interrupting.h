#pragma once
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

inline void register_interrupting() {
  backbones().add<InterruptingOptions>("interrupting", "interrupts itself", "",
                                       [](const InterruptingOptions& options, const InputShape& shape) {
                                         return std::make_unique<InterruptingBackbone>(options, shape);
                                       });
}

}  // namespace polytask
