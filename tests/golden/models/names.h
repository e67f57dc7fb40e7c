#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace polytask::golden {

/// "a.b.c" → {"a", "b", "c"}.
inline std::vector<std::string> parts_of(const std::string& name) {
  std::vector<std::string> parts = {""};
  for (const char c : name) {
    if (c == '.')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

/// The parts from `first` on, each after a dot.
inline std::string rest_of(const std::vector<std::string>& parts, size_t first) {
  std::string rest;
  for (size_t i = first; i < parts.size(); ++i) rest += "." + parts[i];
  return rest;
}

/// "layer3" → 3; the stem's modules → 0.
inline size_t stage_number(const std::string& module) {
  return module.rfind("layer", 0) == 0 ? std::stoul(module.substr(5)) : 0;
}

/// Place of a stem's module in the reference's sequence of convolution, normalisation, ReLU, pooling.
inline std::string stem_place(const std::string& module) { return module == "conv1" ? "0" : "1"; }

/// Position of a task.
inline size_t index_of(const std::vector<std::string>& tasks, const std::string& task) {
  for (size_t t = 0; t < tasks.size(); ++t)
    if (tasks[t] == task) return t;
  return tasks.size();
}

}  // namespace polytask::golden
