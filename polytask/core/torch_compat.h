#pragma once
// Every difference between libtorch 1.13 (Debian's, the default) and 2.x that our code meets stands here and nowhere
// else.
#include <torch/optim/optimizer.h>
#include <torch/version.h>

#include <string>

namespace polytask {

#if TORCH_VERSION_MAJOR >= 2
using OptimizerStateKey = void*;
inline OptimizerStateKey optimizer_state_key(const at::Tensor& parameter) { return parameter.unsafeGetTensorImpl(); }
#else
using OptimizerStateKey = std::string;
inline OptimizerStateKey optimizer_state_key(const at::Tensor& parameter) {
  return c10::guts::to_string(parameter.unsafeGetTensorImpl());
}
#endif

}  // namespace polytask
