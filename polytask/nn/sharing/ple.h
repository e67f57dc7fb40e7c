#pragma once
#include <polytask/core/options.h>
#include <polytask/nn/model.h>
#include <polytask/nn/sharing/task_heads.h>
#include <polytask/nn/sharing/trunk_input.h>
#include <polytask/nn/staged_backbone.h>

#include <torch/nn/modules/linear.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace polytask {

struct PleOptions {
  Node backbone;
  int64_t shared_experts = 1;
  std::vector<int64_t> task_experts = {1};
  bool shared_gate = true;
  std::string gate_input = "pooled";
  std::string input;
  void fields(Fields& f);
};

/// The networks of a PLE model, all alike.
struct PleExperts {
  std::vector<std::shared_ptr<StagedBackbone>> shared;            ///< at least one
  std::vector<std::vector<std::shared_ptr<StagedBackbone>>> own;  ///< [task][expert], at least one for each task
};

/// Progressive layered extraction (Tang et al., RecSys 2020, section 4.3) over the stages of a backbone: an expert is
/// one whole network, of which each level of extraction uses a stage. At every level a task's gate,
/// softmax(Linear(what the task has)), mixes the outputs of the shared experts and its own, in this order, per sample.
///
/// With `shared_gate` (the paper's form, default) the shared experts have a representation of their own, for which a
/// gate of theirs mixes all experts at every level but the last, where nothing reads it. Without it (LibMTL's form)
/// they run once for every task on what that task has: T times the work, and in training their batch normalisation sees
/// one task after another, so its running statistics move T times a step.
///
/// `gate_input`: gates read maps as their mean over space (`pooled`, default: a few weights, images of any size) or all
/// values (`flatten`, LibMTL's: a weight for every value and expert, and images of one size only). Vectors are read
/// whole.
///
/// Shared parameters: the shared experts and their gates, and with `shared_gate` also those stages of a task's experts
/// and gates that reach other tasks through the shared gate; the last stage of its experts, its last two gates, and
/// without `shared_gate` all of them, are the task's own. A task's features are its mixed representations. Names:
/// shared_experts.<e>.…, experts.<task>.<e>.…, gates.<task>.<stage>, shared_gates.<stage>, heads.<task>.….
class Ple : public Model {
 public:
  /// `image`: shape of the experts' input, from which the gates' widths are taken; of `options` the gates' are read.
  /// Throws InputError where a task or the shared part has no expert.
  Ple(PleExperts experts, const std::vector<TaskHead>& tasks, uint64_t seed, const PleOptions& options,
      const InputShape& image, TrunkInput input = {}, const std::map<std::string, InputShape>& inputs = {});

  const std::vector<std::string>& tasks() const override { return heads_->tasks(); }
  std::vector<Features> represent(const NamedTensors& inputs) override;
  at::Tensor decode(int64_t task, const Features& features, const NamedTensors& inputs) override;
  std::vector<ModelParameter> model_parameters() override;
  std::string last_shared_layer() const override;

 private:
  using Gates = std::vector<torch::nn::Linear>;  // by stage

  void add_experts(const std::vector<TaskHead>& tasks);
  void add_gates(const std::vector<TaskHead>& tasks, uint64_t seed, const InputShape& image);
  Gates gates_of(torch::nn::Module& parent, size_t stages, size_t experts, const std::vector<int64_t>& widths);
  at::Tensor gate_input(const at::Tensor& x) const;
  at::Tensor gated(Gates& gates, size_t stage, const at::Tensor& x, const std::vector<at::Tensor>& outputs);
  void step(size_t stage, std::vector<at::Tensor>& x, at::Tensor& shared);
  void add_own_parameters(size_t task, std::vector<ModelParameter>& list);

  PleOptions options_;
  TrunkInput input_;
  PleExperts experts_;
  std::vector<std::string> stages_;
  std::shared_ptr<torch::nn::Module> shared_module_, own_module_, gates_module_, shared_gates_module_;
  std::vector<Gates> gates_;  // [task]
  Gates shared_gates_;
  std::shared_ptr<TaskHeads> heads_;
};

}  // namespace polytask
