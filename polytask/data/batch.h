#pragma once
#include <polytask/core/tensors.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace polytask {

/// What the loader hands to the trainer. B samples.
struct Batch {
  NamedTensors inputs;    ///< name → [B, …], ready for the model; zeros for a sample without that input
  NamedTensors targets;   ///< task → long [B] (classes) or float [B, K]; dense: long [B, H, W], float [B, 1, H, W]
  NamedTensors valid;     ///< task → bool, shaped like its target; a task without an entry is fully labelled
  NamedTensors observed;  ///< image input → bool [B, H, W], false where it has no data; no entry: data everywhere
  std::vector<int64_t> rows;  ///< rows of the source, in batch order
  int64_t number = 0;         ///< position in the epoch's delivery, 0-based (batches left out count)
  /// Task → labelled entries of its mask, counted where the batch is made, so that a step need not look for absent
  /// tasks. A task of `valid` without an entry is looked at.
  std::map<std::string, int64_t> labelled;
  /// The task's mask; undefined where it is fully labelled.
  at::Tensor mask(const std::string& task) const {
    const auto found = valid.find(task);
    return found == valid.end() ? at::Tensor() : found->second;
  }
  int64_t size() const { return static_cast<int64_t>(rows.size()); }
};

}  // namespace polytask
