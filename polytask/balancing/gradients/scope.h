#pragma once
#include <polytask/balancing/balancer.h>
#include <polytask/balancing/method.h>

#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

/// One shared parameter and its columns in the T × P matrix of task gradients.
struct ScopeColumn {
  std::string name;
  at::Tensor parameter;
  int64_t begin = 0;
  int64_t block = 0;
  int64_t size() const { return parameter.numel(); }
};

/// Where task gradients are taken.
struct GradientScope {
  std::vector<ScopeColumn> columns;  ///< measured parameters, block after block; empty: the representation
  std::vector<at::Tensor> shared;    ///< all trainable shared parameters
  std::vector<std::string> blocks;   ///< names
  bool representation = false;
  bool everything = false;  ///< all trainable shared parameters are measured
  int64_t size() const { return columns.empty() ? 0 : columns.back().begin + columns.back().size(); }
};

/// Throws InputError where no parameter of the model is shared: gradient methods have nothing to work on.
void require_shared_parameters(const ModelFacts& model);

/// Resolves `names` (GradientOptions::scope) on a model; frozen parameters take no part. Blocks: one, one a layer (the
/// module that holds the parameters), or one a parameter tensor. InputError for a name that no shared parameter bears,
/// and for last_shared_layer where the model states none.
GradientScope resolve_scope(const std::vector<std::string>& names, const ModelFacts& model, BlockSize blocks);

}  // namespace polytask
