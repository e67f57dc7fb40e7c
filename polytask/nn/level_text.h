#pragma once
#include <polytask/nn/backbone.h>

#include <string>
#include <vector>

namespace polytask {

/// "layer4 (512 channels, stride 32)" or "pooled (vector of 512)", for messages.
std::string level_text(const Level& level);
std::string levels_text(const std::vector<Level>& levels);

}  // namespace polytask
