#pragma once
#include "case.h"

#include <polytask/nn/model.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace polytask::golden {

/// A sharing architecture built for a case. The heads are the reference's decoders, one convolution or matrix named
/// decoders.<task>.weight and .bias; the model's own heads are left alone.
struct Subject {
  std::shared_ptr<Model> model;
  size_t level = 0;  ///< which of the model's levels the decoders read
  /// The reference's name of a parameter or buffer of ours; "" where the reference has none. "name[2]" stands for
  /// slice 2 of the reference's tensor "name"; its slices that are nobody's are taken to be without effect.
  std::function<std::string(const std::string& ours)> reference_name;
};

/// Tasks of the case as heads that nothing reads.
std::vector<TaskHead> tasks_of(const Case& golden);

/// Decoders of a case, with gradients.
NamedTensors decoders_of(const Case& golden);

/// Copies the case's weights into the model. InputError where one is missing on either side.
void load_reference(const Case& golden, Subject& subject);

/// Outputs of all tasks by name, for input `x` (a name in the case's input).
NamedTensors outputs_of(const Case& golden, Subject& subject, const NamedTensors& decoders, const std::string& x);

/// Σ over tasks of Σ out_t · R_t, for outputs of x0.
at::Tensor loss_of(const Case& golden, const NamedTensors& outputs);

/// Gradients of all parameters and decoders, as "grad.<reference's name>"; zeros where a parameter got none.
NamedTensors gradients_of(const Case& golden, Subject& subject, const NamedTensors& decoders);

/// Everything that a case of two modes may ask for: outputs for x0, x1, …, loss, gradients, and buffers after the one
/// forward pass of x0. `make` builds the model anew for each mode.
NamedTensors run_sharing(const Case& golden, const std::function<Subject()>& make);

}  // namespace polytask::golden
