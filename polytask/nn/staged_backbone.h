#pragma once
#include <polytask/nn/backbone.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace polytask {

/// A backbone that is a chain of stages, each of which reads what the one before gives. Sharing architectures that mix
/// tasks between stages run the stages one by one; `forward` is their composition.
class StagedBackbone : public Backbone {
 public:
  /// Names of the stages in order, at least one.
  virtual std::vector<std::string> stages() const = 0;
  /// Output of stage `index` from the output of the stage before; stage 0 reads the input.
  virtual at::Tensor stage(size_t index, const at::Tensor& x) = 0;
  /// The stage that a parameter or buffer of this backbone belongs to, by its name here.
  virtual size_t stage_of(const std::string& name) const = 0;
  /// The levels from the outputs of all stages, without parameters.
  virtual Features features(const std::vector<at::Tensor>& outputs) = 0;
  Features forward(const at::Tensor& input) override;
};

/// A backbone whose stages can be run one by one: as `backbones().create`, InputError that names those that are
/// staged where this one is not. `method` is the architecture, for the message.
std::shared_ptr<StagedBackbone> create_staged_backbone(const Node& options, const InputShape& input,
                                                       const std::string& method);

/// Names of the backbones of this library that have stages.
std::vector<std::string> staged_backbones();

/// Shape without batch of every stage's output for inputs of shape `input`. Found by one pass in evaluation mode
/// without gradients, so that no running statistic, counter or random stream moves.
std::vector<InputShape> stage_shapes(StagedBackbone& backbone, const InputShape& input);

}  // namespace polytask
