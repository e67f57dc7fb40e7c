#pragma once
#include <balancing/golden/case.h>

#include <map>
#include <string>
#include <vector>

namespace polytask {

/// Cases that are not run, by method, source and parameters, each with its reason. The only such list; `source` is the
/// peer's name, or name and commit; `params` names those that must agree (none: all cases of method and source).
struct GoldenExclusion {
  std::string method, source;
  std::map<std::string, std::string> params;
  std::string reason;

  bool covers(const GoldenCase& one) const {
    if (method != one.method() || (source != one.peer() && source != one.source())) return false;
    for (const auto& [name, value] : params)
      if (one.param_text(name, "") != value) return false;
    return true;
  }
};

inline const std::vector<GoldenExclusion>& golden_exclusions() {
  static const std::vector<GoldenExclusion> list = {};
  return list;
}

inline bool is_excluded(const GoldenCase& one, const std::vector<GoldenExclusion>& exclusions = golden_exclusions()) {
  for (const auto& exclusion : exclusions)
    if (exclusion.covers(one)) return true;
  return false;
}

}  // namespace polytask
