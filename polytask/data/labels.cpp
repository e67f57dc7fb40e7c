#include <polytask/data/labels.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace polytask {

std::optional<double> number_in(const std::string& text) {
  if (text.empty() || text.find_first_not_of("0123456789+-.eE") != std::string::npos) return std::nullopt;
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (end != text.c_str() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

void sort_labels(std::vector<std::string>& labels) {
  std::sort(labels.begin(), labels.end());
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  std::vector<std::pair<double, std::string>> numbers;
  std::vector<std::string> texts;
  for (auto& label : labels) {
    if (const auto number = number_in(label))
      numbers.emplace_back(*number, std::move(label));
    else
      texts.push_back(std::move(label));
  }
  std::sort(numbers.begin(), numbers.end());
  labels.clear();
  for (auto& [number, label] : numbers) labels.push_back(std::move(label));
  for (auto& text : texts) labels.push_back(std::move(text));
}

}  // namespace polytask
