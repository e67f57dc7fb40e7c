#include <polytask/balancing/gram/orders.h>
#include <polytask/core/error.h>

namespace polytask {

std::vector<int64_t> draw_order(const std::string& method, const std::string& name, const LossState& state, int64_t n) {
  if (state.draws == nullptr)
    throw WorkError("{}: the order of the tasks is random, and no draws were supplied", method);
  auto order = state.draws->order(name, n);
  for (int64_t row : order)
    if (row < 0 || row >= n) throw WorkError("{}: an order of {} rows names row {}", method, n, row);
  return order;
}

}  // namespace polytask
