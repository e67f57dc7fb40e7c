#pragma once
#include <polytask/core/random.h>

namespace polytask {

/// Standard normal numbers in single precision, for pictures full of them: each Box–Muller pair from one draw.
class NormalStream {
 public:
  explicit NormalStream(Random random) : random_(random) {}
  float normal();
  float uniform();  ///< (0, 1]

 private:
  Random random_;
  float spare_ = 0;
  bool has_spare_ = false;
};

}  // namespace polytask
