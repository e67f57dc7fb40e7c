#pragma once
#include <polytask/core/tensors.h>
#include <polytask/nn/backbone.h>
#include <polytask/nn/head.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// What a task needs of the model.
struct TaskHead {
  std::string name;
  int64_t outputs = 1;
  Node head;           ///< resolved options of its head
  bool dense = false;  ///< a label per pixel: its head must give maps
};

enum class Role { shared, task };

/// One parameter and whose it is.
struct ModelParameter {
  std::string name;  ///< as in the state: "backbone.conv1.weight", "heads.digit.fc.bias"
  at::Tensor tensor;
  Role role = Role::shared;
  int64_t task = -1;  ///< index of the task, −1 where shared
};

/// A multi-task model: tasks in a fixed order, a representation per task (the same one, where sharing is hard), a head
/// per task. Parameters of a single task may also lie before its features. Which parameters are shared and which are a
/// task's is one query, `model_parameters()`.
class Model : public torch::nn::Module {
 public:
  virtual const std::vector<std::string>& tasks() const = 0;
  /// What the heads of all tasks are fed: one entry per task, or a single entry that all share.
  virtual std::vector<Features> represent(const NamedTensors& inputs) = 0;
  /// Output of task `task` from its features, by parameters of that task alone (gradient methods walk heads apart from
  /// the rest, and look for no shared parameter there). `inputs` are the batch's, for auxiliary inputs of a head.
  virtual at::Tensor decode(int64_t task, const Features& features, const NamedTensors& inputs) = 0;
  /// Outputs of all tasks, in order.
  std::vector<at::Tensor> forward(const NamedTensors& inputs);
  /// Training mode (eval(): off), except for frozen normalisation: a layer that keeps running statistics goes on in
  /// evaluation mode (it normalises by them and leaves them as they are) while all of its parameters are frozen; one
  /// without parameters while all of the module's that holds it are. Freeze first, then call this.
  void train(bool on = true) override;

  /// A term of the objective that no balancing weighs (a coupling of networks, an entropy of gates), of the last
  /// represent() and the decode() calls since: a scalar, undefined where there is none. The step adds its gradient.
  virtual at::Tensor penalty() { return {}; }
  /// Called before each epoch of training: `epoch` from 0 of `epochs`.
  virtual void begin_epoch(int64_t epoch, int64_t epochs) {
    (void)epoch;
    (void)epochs;
  }

  virtual std::vector<ModelParameter> model_parameters() = 0;
  /// Whether the heads of all tasks are fed the same features: represent() gives one entry.
  virtual bool shares_representation() const { return false; }
  /// What tiles need so that the maps of task `task` are those of the whole image; none where they cannot be computed
  /// tile by tile, and for tasks whose output is no map.
  virtual std::optional<ReceptiveField> receptive_field(int64_t task) const {
    (void)task;
    return std::nullopt;
  }
  /// Names of the modules whose parameters are the last shared layer, separated by commas (for that scope).
  virtual std::string last_shared_layer() const { return ""; }

  /// Parameters and buffers by name; tensors alias the model's own.
  NamedTensors state() const;
  /// Copies values in; names and shapes must agree exactly. InputError names every difference (first ten).
  void load_state(const NamedTensors& state, const std::string& file);
};

/// Builds sharing architectures. `input_shapes`: preprocessed inputs by name.
struct ModelContext {
  std::map<std::string, InputShape> input_shapes;
  std::vector<TaskHead> tasks;
  uint64_t seed = 1;  ///< parts are initialised from the streams "init/<part>"
};
using SharingRegistry = Registry<Model, const ModelContext&>;
SharingRegistry& sharings();  ///< the key that names one is `sharing`

/// The `model` section: sharing and its options, and StartOptions. Resolves defaults.
Node resolve_model_section(const Node& section);
/// The head options of a task, defaults written out (`linear` where none is given).
Node resolve_head(const Node& head);

/// Builds the model of a section, loads initial weights (model.weights; what `init_from` names is loaded by who opens
/// runs, see open_session), freezes. Throws InputError.
std::shared_ptr<Model> create_model(const Node& section, const ModelContext& context);

}  // namespace polytask
