#pragma once
#include <polytask/core/registry.h>
#include <polytask/objectives/task_type.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

/// A term of the objective that ties several tasks' predictions together. It sees outputs, not targets: where its tasks
/// are unlabelled it teaches all the same. Order of life: created; load_state() where a run is loaded; attach(); where
/// it needs a fit, observe() for every block of training rows and finish_fit(); then value() any number of times.
class Coupling {
 public:
  virtual ~Coupling() = default;
  const std::string& name() const { return name_; }    ///< its key in the configuration
  virtual std::vector<std::string> tasks() const = 0;  ///< which tasks it ties together, in its own order
  /// Takes the (fitted) tasks, in the order of tasks(), which must outlive it. Throws InputError where a task has the
  /// wrong type, or lacks what the coupling needs of it.
  virtual void attach(const std::vector<const TaskType*>& tasks) = 0;

  /// Whether it is to be fitted on training targets.
  virtual bool needs_fit() const { return false; }
  /// A block of training rows: targets and masks (undefined: all valid) as batches hold them, in the order of tasks().
  virtual void observe(const std::vector<at::Tensor>& targets, const std::vector<at::Tensor>& valid) {
    (void)targets;
    (void)valid;
  }
  virtual void finish_fit() {}

  /// Raw outputs of the tasks, in the order of tasks() → the term as a scalar, with graph, before its weight; undefined
  /// where no pixel counts. `observed`: bool [B, H, W], false where the input has no data; undefined: data everywhere.
  virtual at::Tensor value(const std::vector<at::Tensor>& outputs, const at::Tensor& observed) = 0;
  /// Pixels that the mean of the last value() ran over, by which an evaluation weighs its batches; absent: samples do.
  virtual std::optional<int64_t> averaged_over() const { return std::nullopt; }
  virtual bool has_residual() const { return false; }
  /// How far the predictions are from what the coupling asks of them, [B, H, W], NaN where it asks nothing; for
  /// couplings with such a map.
  virtual at::Tensor residual(const std::vector<at::Tensor>& outputs) const {
    (void)outputs;
    return {};
  }
  /// Counts of the last value() worth logging ("clamped": 12); steps and evaluations add them up over their batches.
  virtual std::vector<std::pair<std::string, double>> figures() const { return {}; }

  /// What was fitted or read, so that a run can be loaded without data and without the files that it names.
  virtual Node state() const { return Node::map_of(); }
  virtual void load_state(const Node& state) { (void)state; }

 protected:
  explicit Coupling(std::string name) : name_(std::move(name)) {}

 private:
  std::string name_;
};

/// `create(node, name)`; the node is the coupling's section without the keys that every coupling has (weight, ramp,
/// balance). The key that names one is `type`. Filled by the floors above.
using CouplingRegistry = Registry<Coupling, const std::string&>;

}  // namespace polytask
