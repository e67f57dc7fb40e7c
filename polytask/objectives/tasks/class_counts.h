#pragma once
#include <polytask/core/node.h>

#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

/// What a task of classes finds in its training labels, and keeps in checkpoints.
struct ClassCounts {
  std::vector<std::string> names;  ///< [C]
  std::vector<int64_t> counts;     ///< [C] labels in the training rows

  Node to_node() const;
  /// Throws InputError, naming the task, where the state is not that of at least two classes.
  static ClassCounts from_node(const std::string& task, const Node& state);
};

}  // namespace polytask
