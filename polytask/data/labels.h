#pragma once
#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// The finite decimal number that the whole text is, or nothing.
std::optional<double> number_in(const std::string& text);

/// Sorts labels as classes and categories are numbered: numbers in order, then texts; repeated ones are dropped.
void sort_labels(std::vector<std::string>& labels);

}  // namespace polytask
