#pragma once
#include "case.h"
#include "names.h"
#include "resnet.h"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

namespace polytask::golden {

/// A residual network for every task of the case.
inline std::vector<std::shared_ptr<StagedBackbone>> task_encoders(const Case& golden) {
  std::vector<std::shared_ptr<StagedBackbone>> encoders;
  for (size_t t = 0; t < config(golden, "tasks").items().size(); ++t) encoders.push_back(make_resnet(golden));
  return encoders;
}

/// encoders.<task>.… as the reference names it where every task has a network.
inline std::string task_encoder_name(const std::vector<std::string>& parts, const std::vector<std::string>& tasks) {
  const size_t stage = stage_number(parts[2]);
  if (stage == 0) return fmt::format("encoder.resnet_conv.{}.{}{}", parts[1], stem_place(parts[2]), rest_of(parts, 3));
  return fmt::format("encoder.resnet_layer.{}.{}{}", stage - 1, index_of(tasks, parts[1]), rest_of(parts, 3));
}

}  // namespace polytask::golden
