#pragma once
#include <polytask/core/options.h>
#include <polytask/nn/model.h>
#include <polytask/nn/sharing/task_heads.h>
#include <polytask/nn/sharing/trunk_input.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace polytask {

struct SoftOptions {
  Node backbone;
  double strength = 0.01;
  std::string norm = "l2";
  Node groups;
  bool same_start = true;
  std::string input;
  void fields(Fields& f);
};

/// Σ over pairs i < j of ‖W_i − W_j‖², every pair once (Duong et al. 2015, for T networks). A scalar.
at::Tensor squared_distances(const std::vector<at::Tensor>& weights);
/// Trace norm of the T flattened tensors as the rows of a matrix [T, n]: the sum of its singular values σ (Yang and
/// Hospedales 2017, last axis flattening), in float64, with √(σ² + 1e-12) for σ so that the gradient exists where rows
/// depend on each other, as equal ones do. A scalar.
at::Tensor trace_norm(const std::vector<at::Tensor>& weights);

/// A network and a head for each task; a penalty draws together the networks of a group: strength · Σ over groups and
/// parameter tensors of squared_distances, or of trace_norm. Weights and biases of the backbones count, normalisation's
/// (batch norm) and heads' do not. The penalty is no task's: it moves the network of a task that is absent from a batch
/// as well. No parameter is shared. Names: backbones.<task>.…, heads.<task>.….
class SoftSharing : public Model {
 public:
  /// `networks`: one for each task, alike, taken as they stand. `groups`: indices of tasks. Throws InputError as
  /// TaskHeads does.
  SoftSharing(TrunkInput input, std::vector<std::shared_ptr<Backbone>> networks,
              const std::vector<std::vector<size_t>>& groups, double strength, bool trace, const ModelContext& context);

  const std::vector<std::string>& tasks() const override { return heads_->tasks(); }
  std::vector<Features> represent(const NamedTensors& inputs) override;
  at::Tensor decode(int64_t task, const Features& features, const NamedTensors& inputs) override;
  /// Undefined in evaluation, and where nothing is coupled (one task, strength 0).
  at::Tensor penalty() override;
  std::vector<ModelParameter> model_parameters() override;
  std::optional<ReceptiveField> receptive_field(int64_t task) const override {
    return heads_->receptive_field(task, *networks_.at(static_cast<size_t>(task)));
  }

 private:
  TrunkInput input_;
  std::vector<std::shared_ptr<Backbone>> networks_;
  std::shared_ptr<TaskHeads> heads_;
  double strength_;
  bool trace_;
  std::vector<std::vector<at::Tensor>> coupled_;  // the same parameter of each network of a group
};

}  // namespace polytask
