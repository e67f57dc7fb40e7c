#pragma once
#include <polytask/core/error.h>
#include <polytask/core/node.h>
#include <polytask/core/options.h>

#include <limits>
#include <string>
#include <vector>

namespace polytask {

/// A number of a golden file; NaN and infinities are written as texts there.
inline double golden_number(const Node& node) {
  if (node.text() == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (node.text() == "Infinity") return std::numeric_limits<double>::infinity();
  if (node.text() == "-Infinity") return -std::numeric_limits<double>::infinity();
  return number_of(node);
}

/// All numbers of nested lists, in order.
inline std::vector<double> golden_numbers(const Node& node) {
  if (node.is_null()) return {};
  if (node.is_scalar()) return {golden_number(node)};
  std::vector<double> numbers;
  for (const Node& item : node.items())
    for (double number : golden_numbers(item)) numbers.push_back(number);
  return numbers;
}

/// A list of lists, row by row.
inline std::vector<std::vector<double>> golden_rows(const Node& node) {
  std::vector<std::vector<double>> rows;
  for (const Node& row : node.items()) rows.push_back(golden_numbers(row));
  return rows;
}

/// One case of a golden file.
struct GoldenCase {
  const Node& node;

  std::string id() const { return node.text_or("id", "?"); }
  std::string method() const { return node.text_or("method", ""); }
  /// "LibMTL" of "LibMTL@4336804"
  std::string peer() const {
    const std::string source = node.text_or("source", "");
    return source.substr(0, source.find('@'));
  }
  bool has(const std::string& key) const { return node.find(key) != nullptr; }
  const Node& at(const std::string& key) const { return member(node, key); }
  const Node& param(const std::string& key) const { return member(at("params"), key); }
  double param_or(const std::string& key, double fallback) const {
    const Node* given = at("params").find(key);
    return given != nullptr ? golden_number(*given) : fallback;
  }

 private:
  static const Node& member(const Node& of, const std::string& key) {
    const Node* found = of.find(key);
    if (found == nullptr) throw InputError("{}: the golden case has no \"{}\"", of.where(), key);
    return *found;
  }
};

}  // namespace polytask
