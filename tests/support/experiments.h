#pragma once
#include <polytask/config/experiment_options.h>
#include <polytask/config/yaml.h>

#include <string>
#include <vector>

namespace polytask {

/// A configuration from YAML text with overrides.
inline Node configuration(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  Node node = parse_yaml(yaml, "test.yaml");
  for (const auto& assignment : overrides) apply_override(node, assignment);
  set_paths(node);
  return node;
}

/// A small experiment on the synthetic table that trains in a second: two tasks, uncertainty weighting, dropout (so
/// that libtorch's random stream matters), momentum state in the optimiser.
inline const char* small_experiment() {
  return R"(
name: small
seed: 7
device: cpu
threads: 1
data: {source: tabular, count: 300, batch_size: 32, split: {validation: 0.2, test: 0.2}}
model: {backbone: {type: mlp, hidden: [16], dropout: 0.2}}
tasks:
  kind: {type: classification, target: kind}
  yield: {type: regression, target: strength}
balancing: {method: uncertainty}
optimizer: {type: adamw, lr: 1e-2}
schedule: {type: cosine, warmup: 3}
train: {epochs: 4}
tracking: {tensorboard: false}
)";
}

}  // namespace polytask
