#pragma once
#include <polytask/core/node.h>

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace polytask {

/// The option `class_weights` of a loss over `classes` classes as double [C]; undefined where the node is null (equal
/// weights). Throws InputError unless it is a list of C finite numbers ≥ 0, one of them > 0; "balanced" too: it stands
/// for numbers that only a task knows (with_balanced_weights).
at::Tensor class_weights_of(const Node& given, int64_t classes);

/// `loss` with `class_weights: balanced`, in a term of a sum (`losses`) too, replaced by n / (C n_c), n_c the training
/// samples of class c; unchanged where it asks for nothing of the kind. A class without a sample counts as one sample;
/// the caller says so to the user.
Node with_balanced_weights(const Node& loss, const std::vector<int64_t>& counts);
/// True where `loss`, or a term of it, says `class_weights: balanced`.
bool asks_for_balanced_weights(const Node& loss);

/// Whether `weights`, as class_weights_of gives them, leave a class out.
bool has_zero_weight(const at::Tensor& weights);

/// Each target's weight, long [B] → [B] (double); undefined where `weights` is.
at::Tensor weights_of_targets(const at::Tensor& weights, const at::Tensor& target);

}  // namespace polytask
