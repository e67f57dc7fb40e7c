#pragma once
#include <polytask/nn/model.h>
#include <polytask/nn/sharing/task_heads.h>
#include <polytask/nn/sharing/trunk_input.h>

#include <torch/nn/modules/linear.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace polytask {

/// Networks side by side that read the same input and offer the same levels. Names: 0.…, 1.….
class Experts : public torch::nn::Module {
 public:
  /// Takes the networks as they stand. Throws InputError where their levels differ.
  explicit Experts(std::vector<std::shared_ptr<Backbone>> networks);
  /// `count` networks of the `backbone` section, the e-th initialised from the stream "init/<stream>/<e>".
  static std::shared_ptr<Experts> create(const Node& backbone, const InputShape& input, int64_t count, uint64_t seed,
                                         const std::string& stream);

  int64_t count() const { return static_cast<int64_t>(networks_.size()); }
  std::vector<Level> levels() const;  ///< of each; none where there is no network
  std::vector<Features> forward(const at::Tensor& input);
  /// Names of the modules, below `prefix`, that hold the last layer of each, separated by commas.
  std::string last_layers(const std::string& prefix) const;

 private:
  std::vector<std::shared_ptr<Backbone>> networks_;
};

/// Every level as Σ_e weights[:, e] · experts[e]; `weights` is [B, E], the same at every place of a spatial level.
Features mix_levels(const std::vector<Features>& experts, const at::Tensor& weights);

/// One gate per task: softmax(Linear(flatten(x))), as Ma et al. 2018, eq. 7. Names: <task>.weight, <task>.bias.
class SoftmaxGates : public torch::nn::Module {
 public:
  /// `inputs`: values of one sample; `experts`: how many each task chooses from. Each gate is initialised from the
  /// stream "init/gates/<task>".
  SoftmaxGates(const std::vector<std::string>& tasks, int64_t inputs, const std::vector<int64_t>& experts,
               uint64_t seed);
  at::Tensor forward(size_t task, const at::Tensor& x) const;  // [B, …] → [B, experts[task]], rows sum to 1

 private:
  std::vector<torch::nn::Linear> gates_;
};

/// What mixtures of experts have in common: experts that all tasks share, a gate and a head for each task. The gates
/// read the encoder's input itself, flattened.
class ExpertModel : public Model {
 public:
  const std::vector<std::string>& tasks() const override { return heads_->tasks(); }
  at::Tensor decode(int64_t task, const Features& features, const NamedTensors& inputs) override;
  std::vector<ModelParameter> model_parameters() override;
  /// The last layers of the shared experts.
  std::string last_shared_layer() const override { return shared_->last_layers("shared_experts."); }

 protected:
  /// Throws InputError as TaskHeads does. `gates` has a child for each task, under the task's name.
  ExpertModel(TrunkInput input, std::shared_ptr<Experts> shared, std::shared_ptr<torch::nn::Module> gates,
              const ModelContext& context);

  TrunkInput input_;
  std::shared_ptr<Experts> shared_;
  std::shared_ptr<TaskHeads> heads_;

 private:
  std::shared_ptr<torch::nn::Module> gates_;
};

/// Values of one sample of a shape.
int64_t values_of(const InputShape& shape);
/// The tasks' names, checked as check_task_names does.
std::vector<std::string> names_of(const std::vector<TaskHead>& tasks);

}  // namespace polytask
