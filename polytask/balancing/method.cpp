#include <polytask/balancing/method.h>

#include <utility>

namespace polytask {

LossState LossState::of(std::vector<double> losses) {
  LossState state;
  state.present.assign(losses.size(), 1);
  state.losses = std::move(losses);
  return state;
}

}  // namespace polytask
