#pragma once
#include <polytask/core/options.h>

namespace polytask {

/// Of Gram weightings without options of their own, whose heads receive the gradient of their own loss.
struct PlainGramOptions {
  static constexpr const char* kHeads = "own";
  void fields(Fields&) {}
};

}  // namespace polytask
