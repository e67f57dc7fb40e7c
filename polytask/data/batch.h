#pragma once
#include <polytask/core/tensors.h>

#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

/// What the loader hands to the trainer. B samples.
struct Batch {
  NamedTensors inputs;        ///< name → [B, …], ready for the model; zeros for a sample without that input
  NamedTensors targets;       ///< task → long [B] (classes) or float [B, K]
  NamedTensors valid;         ///< task → bool [B] or [B, K]; a task without an entry is fully labelled
  std::vector<int64_t> rows;  ///< rows of the source, in batch order
  int64_t number = 0;         ///< position in the epoch's delivery, 0-based (batches left out count)
  int64_t size() const { return static_cast<int64_t>(rows.size()); }
};

}  // namespace polytask
