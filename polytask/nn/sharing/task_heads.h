#pragma once
#include <polytask/nn/heads/auxiliary.h>
#include <polytask/nn/model.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// The heads of a sharing architecture, one for each task, as the module `heads`: names heads.<task>.….
class TaskHeads : public torch::nn::Module {
 public:
  /// `levels`: what every head is fed, or one entry for each task. `inputs`: shapes of the data's inputs, for heads
  /// that take auxiliary ones. Each head is initialised from a stream of its own, so that tasks do not change each
  /// other's. Throws InputError for task names that are empty, double or hold anything but letters, digits, _ and -,
  /// and for a head that the levels can not feed.
  TaskHeads(const std::vector<TaskHead>& tasks, const std::vector<std::vector<Level>>& levels,
            const std::map<std::string, InputShape>& inputs, uint64_t seed);

  const std::vector<std::string>& tasks() const { return tasks_; }
  /// Output of task `task`: [B, outputs]. `inputs` of the batch, for auxiliary ones.
  at::Tensor forward(int64_t task, const Features& features, const NamedTensors& inputs) const;
  /// Of the maps of task `task` on features of `backbone`; none where its head gives no map, or takes auxiliary inputs.
  std::optional<ReceptiveField> receptive_field(int64_t task, const Backbone& backbone) const;
  /// Appends the heads' parameters, as "heads.<task>.…".
  void add_parameters(std::vector<ModelParameter>& list) const;

 private:
  struct Entry {
    std::shared_ptr<Head> plain;  // one of the two
    std::shared_ptr<AuxiliaryHead> with_inputs;
  };

  std::vector<std::string> tasks_;
  std::vector<Entry> heads_;
};

/// Throws InputError for task names that are empty, double or hold anything but letters, digits, _ and -.
void check_task_names(const std::vector<TaskHead>& tasks);

/// Appends the parameters of `part`, each as `prefix` + its name there.
void add_parameters(const std::string& prefix, const torch::nn::Module& part, Role role, int64_t task,
                    std::vector<ModelParameter>& list);

/// Name of the module, below `prefix`, that holds the last weight matrix or kernel of `part`: vectors (biases,
/// normalisation) do not make a layer of their own.
std::string last_layer_of(const std::string& prefix, const torch::nn::Module& part);

}  // namespace polytask
