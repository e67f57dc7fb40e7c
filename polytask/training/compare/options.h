#pragma once
#include <polytask/core/options.h>

#include <cstdint>
#include <map>
#include <string>

namespace polytask {

/// The `compare` section: what `polytask compare` sets side by side.
struct CompareOptions {
  Node methods;        ///< list of names or {method: name, options}; none: the file's
  Node architectures;  ///< list of names or {sharing: name, options}; none: the file's
  Node settings;       ///< name → list of overrides ("couplings.allometry.weight=0"); none: the file as it is
  int64_t seeds = 3;   ///< the file's seed and those that follow it
  int64_t jobs = 1;    ///< trainings at the same time
  bool tuned = true;   ///< also constant weights, chosen on validation rows
  Node grid;           ///< the weights to try: a list of {task: number} or of lists; none: each task in turn at 2 and 4
  std::map<std::string, std::string> metrics;  ///< task → the metric that counts in Δm
  void fields(Fields& f);
};

}  // namespace polytask
