#pragma once
#include <polytask/data/targets.h>

#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

/// Takes training labels away at random, for experiments with partial labels: of the rows among `train` that have a
/// label of the task, round(share · n) keep theirs (a row of several targets keeps all of them or none), drawn for each
/// task apart from the stream (seed, "data/keep_labels/<task>"). Rows outside `train` keep theirs. Throws InputError
/// where no label would be left.
void keep_labels(Targets& targets, const std::string& task, const std::vector<int64_t>& train, double share,
                 uint64_t seed);

}  // namespace polytask
