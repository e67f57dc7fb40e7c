#pragma once
#include <polytask/core/options.h>
#include <polytask/core/tensors.h>
#include <polytask/nn/model.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace torch::optim {
class Optimizer;
}

namespace polytask {

/// Settings that a parameter group may have of its own; what is not given is the section's.
struct GroupOptions {
  std::optional<double> lr, weight_decay;
  void fields(Fields& f);
};

/// The `optimizer` section.
struct OptimizerOptions {
  std::string type = "adamw";  ///< sgd | adam | adamw
  double lr = 1e-3;
  double weight_decay = 0.01;                ///< adamw: decoupled; sgd, adam: L2. Never applied to the balancing group.
  bool decay_norm_and_bias = true;           ///< false: parameters with one dimension or none are not decayed
  double momentum = 0.9;                     ///< sgd
  bool nesterov = false;                     ///< sgd
  std::vector<double> betas = {0.9, 0.999};  ///< adam, adamw
  double eps = 1e-8;                         ///< adam, adamw
  GroupOptions shared, heads, balancing;
  std::map<std::string, double>
      task_lr;  ///< learning rate of single tasks' own parameters, before their features or after
  void fields(Fields& f);
};

/// One group as the optimiser sees it.
struct ParameterGroup {
  std::string name;  ///< "shared", "heads", "heads.digit" (own rate), "balancing", with ".no_decay" where split
  std::vector<std::pair<std::string, at::Tensor>> parameters;  ///< by full name, in model order
  double lr = 0;
  double weight_decay = 0;
};

/// A libtorch optimiser with named parameter groups and a state that is saved and loaded by parameter name.
class GroupedOptimizer {
 public:
  /// `balancing`: the method's learnable scales, by name.
  GroupedOptimizer(const OptimizerOptions& options, const std::vector<ModelParameter>& model,
                   const NamedTensors& balancing, const std::vector<std::string>& tasks);
  ~GroupedOptimizer();
  const std::vector<ParameterGroup>& groups() const { return groups_; }
  void set_factor(double factor);  ///< every group's rate = its own × factor
  void step();
  void zero_grad();  ///< gradients become undefined, so that what is absent in a batch is not stepped
  /// "<parameter>.exp_avg" …, and step counts as int64 scalars.
  NamedTensors state() const;
  /// Must fit the groups: InputError naming the difference.
  void load_state(const NamedTensors& state);

 private:
  std::vector<ParameterGroup> groups_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
};

}  // namespace polytask
