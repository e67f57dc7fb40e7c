#pragma once
#include <polytask/core/random.h>
#include <polytask/nn/sharing/task_heads.h>

#include <training/interrupting.h>

#include <torch/nn/modules/linear.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

struct OwnOptions {
  double penalty = 0;
  void fields(Fields& f) { f.field("penalty", penalty, "strength of the penalty", at_least(0)); }
};

/// A model that no configuration of polytask makes: one shared layer, then an expert of each task's own before its
/// features, then a head; it stops at `interrupt_at` as InterruptingBackbone does. In training its penalty is strength
/// · mean h² of the shared layer's output h.
class OwnModel : public Model {
 public:
  OwnModel(const OwnOptions& options, const ModelContext& context) : strength_(options.penalty) {
    seed_torch(context.seed, "init/own");
    const int64_t inputs = context.input_shapes.begin()->second.at(0);
    shared_ = register_module("shared", torch::nn::Linear(inputs, 6));
    for (const auto& task : context.tasks)
      experts_.push_back(register_module("expert_" + task.name, torch::nn::Linear(6, 5)));
    heads_ = register_module(
        "heads", std::make_shared<TaskHeads>(context.tasks, std::vector<std::vector<Level>>{{{"expert", 5, 0}}},
                                             context.input_shapes, context.seed));
  }

  const std::vector<std::string>& tasks() const override { return heads_->tasks(); }
  std::vector<Features> represent(const NamedTensors& inputs) override {
    if (is_training() && calls_++ == interrupt_at) std::raise(SIGTERM);
    const at::Tensor h = at::tanh(shared_->forward(inputs.begin()->second));
    penalty_ = strength_ > 0 && is_training() ? strength_ * h.square().mean() : at::Tensor();
    std::vector<Features> features;
    for (auto& expert : experts_) features.push_back({at::tanh(expert->forward(h))});
    return features;
  }
  at::Tensor decode(int64_t task, const Features& features, const NamedTensors& inputs) override {
    return heads_->forward(task, features, inputs);
  }
  at::Tensor penalty() override { return penalty_; }
  void begin_epoch(int64_t epoch, int64_t epochs) override { begun().emplace_back(epoch, epochs); }
  std::vector<ModelParameter> model_parameters() override {
    std::vector<ModelParameter> result;
    add_parameters("shared.", *shared_, Role::shared, -1, result);
    for (size_t t = 0; t < experts_.size(); ++t)
      add_parameters("expert_" + tasks()[t] + ".", *experts_[t], Role::task, static_cast<int64_t>(t), result);
    heads_->add_parameters(result);
    return result;
  }

  /// Every call of begin_epoch, of all such models: epoch and number of epochs.
  static std::vector<std::pair<int64_t, int64_t>>& begun() {
    static std::vector<std::pair<int64_t, int64_t>> calls;
    return calls;
  }

 private:
  double strength_;
  int64_t calls_ = 0;
  torch::nn::Linear shared_{nullptr};
  std::vector<torch::nn::Linear> experts_;
  std::shared_ptr<TaskHeads> heads_;
  at::Tensor penalty_;
};

inline void register_own_model() {
  sharings().add<OwnOptions>("own", "of the test", "", [](const OwnOptions& options, const ModelContext& context) {
    return std::make_unique<OwnModel>(options, context);
  });
}

/// Two tasks on the synthetic table with the model above.
inline const char* own_experiment() {
  return R"(
name: own
seed: 5
device: cpu
threads: 1
data: {source: tabular, count: 96, batch_size: 16, split: {validation: 0.25}}
model: {sharing: own, penalty: 0.5}
tasks:
  kind: {type: classification, target: kind}
  strength: {type: regression, target: strength}
balancing: {method: equal}
optimizer: {type: sgd, lr: 0.1, momentum: 0, weight_decay: 0}
train: {epochs: 3}
tracking: {tensorboard: false}
)";
}

}  // namespace polytask
