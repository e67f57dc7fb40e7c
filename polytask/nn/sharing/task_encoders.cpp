#include <polytask/core/error.h>
#include <polytask/core/random.h>
#include <polytask/nn/sharing/task_encoders.h>
#include <polytask/nn/sharing/task_heads.h>

#include <utility>

namespace polytask {

TaskEncoders::TaskEncoders(const std::vector<TaskHead>& tasks, std::vector<std::shared_ptr<StagedBackbone>> encoders)
    : encoders_(std::move(encoders)) {
  check_task_names(tasks);
  if (tasks.empty() || encoders_.size() != tasks.size())
    throw InputError("{} networks for {} tasks: there must be one for each", encoders_.size(), tasks.size());
  for (size_t t = 0; t < tasks.size(); ++t) {
    if (encoders_[t]->stages() != encoders_[0]->stages())
      throw InputError("the networks of the tasks \"{}\" and \"{}\" have different stages", tasks[0].name,
                       tasks[t].name);
    register_module(tasks[t].name, encoders_[t]);
  }
}

std::vector<Features> TaskEncoders::forward(const at::Tensor& input, const Mix& mix) {
  const size_t count = stages().size();
  std::vector<at::Tensor> x(encoders_.size(), input);
  std::vector<std::vector<at::Tensor>> outputs(encoders_.size());
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) x = mix(i, x);
    for (size_t t = 0; t < encoders_.size(); ++t) {
      x[t] = encoders_[t]->stage(i, x[t]);
      outputs[t].push_back(x[t]);
    }
  }
  std::vector<Features> features;
  for (size_t t = 0; t < encoders_.size(); ++t) features.push_back(encoders_[t]->features(outputs[t]));
  return features;
}

std::vector<std::shared_ptr<StagedBackbone>> create_task_encoders(const Node& backbone, const TrunkInput& input,
                                                                  const ModelContext& context,
                                                                  const std::string& method) {
  std::vector<std::shared_ptr<StagedBackbone>> encoders;
  for (size_t t = 0; t < context.tasks.size(); ++t) {
    seed_torch(context.seed, "init/backbone");
    encoders.push_back(create_staged_backbone(backbone, input.shape(), method));
  }
  return encoders;
}

}  // namespace polytask
