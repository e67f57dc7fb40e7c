#pragma once
#include <string>
#include <vector>

namespace polytask {

/// The candidate nearest to `name` by edit distance (case ignored), or "" where none is near enough to be meant.
std::string nearest(const std::string& name, const std::vector<std::string>& candidates);

/// `; did you mean "x"?`, or, where nothing is near, `; known: a, b, c` (the first twenty).
std::string did_you_mean(const std::string& name, const std::vector<std::string>& candidates);

}  // namespace polytask
