#pragma once
#include <balancing/golden_case.h>

#include <string>
#include <vector>

namespace polytask {

/// Cases that are not run, by method and peer, each with its reason. The only such list.
struct GoldenExclusion {
  std::string method, peer, reason;
};

inline const std::vector<GoldenExclusion>& golden_exclusions() {
  static const std::vector<GoldenExclusion> list = {
      {"COSMOS", "TorchJD", "not among the methods of this version"},
      {"PBI", "TorchJD", "not among the methods of this version"},
      {"STCH", "TorchJD", "not among the methods of this version"},
  };
  return list;
}

inline bool is_excluded(const GoldenCase& one) {
  for (const auto& exclusion : golden_exclusions())
    if (exclusion.method == one.method() && exclusion.peer == one.peer()) return true;
  return false;
}

}  // namespace polytask
