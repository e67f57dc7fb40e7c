#pragma once
#include <polytask/nn/model.h>
#include <polytask/nn/sharing/trunk_input.h>
#include <polytask/nn/staged_backbone.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace polytask {

/// A network of stages for every task, one like the other, as the module `encoders`: names encoders.<task>.….
class TaskEncoders : public torch::nn::Module {
 public:
  /// The inputs of stage `stage` ≥ 1, one for each task, from what the tasks' stages before it gave.
  using Mix = std::function<std::vector<at::Tensor>(size_t stage, const std::vector<at::Tensor>& before)>;

  /// `encoders`: one for each task. Throws InputError where these differ in number or stages.
  TaskEncoders(const std::vector<TaskHead>& tasks, std::vector<std::shared_ptr<StagedBackbone>> encoders);

  std::vector<std::string> stages() const { return encoders_.front()->stages(); }
  std::vector<Level> levels() const { return encoders_.front()->levels(); }
  StagedBackbone& encoder(size_t task) { return *encoders_.at(task); }
  /// Every task's features: the outputs of the stages of its own network.
  std::vector<Features> forward(const at::Tensor& input, const Mix& mix);

 private:
  std::vector<std::shared_ptr<StagedBackbone>> encoders_;
};

/// One network for each task, all from the same initial weights, so that channels that are mixed mean the same at
/// first, as with networks that start from one pretrained one. InputError where the backbone has no stages.
std::vector<std::shared_ptr<StagedBackbone>> create_task_encoders(const Node& backbone, const TrunkInput& input,
                                                                  const ModelContext& context,
                                                                  const std::string& method);

}  // namespace polytask
