#pragma once
#include <polytask/core/options.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// How the task gradients of a method are taken, for every gradient method; they stand beside the method's own options.
struct GradientOptions {
  std::optional<std::string> heads;             ///< own | weighted; default: the method's
  std::vector<std::string> scope = {"shared"};  ///< shared | last_shared_layer | representation | names of modules
  std::string representation_rows = "samples";  ///< samples | batch_sum; of scope representation
  void fields(Fields& f, const std::string& heads_default);
};

/// What only Gram weightings can offer besides.
struct GramOptions {
  GradientOptions gradients;
  std::string gram = "auto";  ///< auto | walk | outputs
  int64_t every = 1;          ///< steps between two computations of the weights
  void fields(Fields& f, const std::string& heads_default);
};

}  // namespace polytask
