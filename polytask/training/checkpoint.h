#pragma once
#include <polytask/core/node.h>
#include <polytask/core/tensors.h>

#include <filesystem>
#include <string>

namespace polytask {

/// Everything that training changes, in one safetensors file: tensors by name ("model.…", "optimizer.…", "balancing.…",
/// "preprocess.0.…", "random.…") and, as JSON in its metadata, `info` (progress, fitted facts about inputs and tasks).
struct Checkpoint {
  NamedTensors tensors;
  Node info;

  /// The tensors whose names begin with `prefix`, without it.
  NamedTensors part(const std::string& prefix) const;
  void add(const std::string& prefix, const NamedTensors& part);
};

/// Atomic: a crash leaves the old file or the new one.
void save_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);
/// Throws InputError where the file is missing, damaged or no checkpoint of polytask.
Checkpoint load_checkpoint(const std::filesystem::path& path);

}  // namespace polytask
