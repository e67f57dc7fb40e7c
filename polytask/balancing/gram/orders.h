#pragma once
#include <polytask/balancing/method.h>

#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

/// An order of n rows drawn from the stream `name`. WorkError where there are no draws, or what they give is no list of
/// row indices.
std::vector<int64_t> draw_order(const std::string& method, const std::string& name, const LossState& state, int64_t n);

}  // namespace polytask
