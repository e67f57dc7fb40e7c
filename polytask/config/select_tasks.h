#pragma once
#include <polytask/core/node.h>

#include <string>
#include <vector>

namespace polytask {

/// Leaves a configuration with the tasks `names` alone, in that order, and with it takes out what belongs to the
/// others: their entries in `optimizer.task_lr` and in maps by task below `balancing` and `model`, their places in
/// lists by task below `balancing`, freeze patterns and initial weights of their heads, a sampler that balances their
/// classes, a monitor of their figures (which becomes val/loss). Their target columns go to `data.other_targets`, so
/// that they do not become inputs. A single task is balanced by `equal`. Returns what was changed besides the tasks,
/// one sentence each. InputError for unknown or repeated names, none at all, and where a list of two numbers below
/// `balancing` may or may not go by the tasks whose order changes.
std::vector<std::string> select_tasks(Node& root, const std::vector<std::string>& names);

}  // namespace polytask
