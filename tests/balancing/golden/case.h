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

/// 0 for a number, 1 for a list of numbers, 2 for a list of those, …
inline int64_t golden_depth(const Node& node) {
  return node.is_sequence() && !node.items().empty() ? 1 + golden_depth(node.items().front())
                                                     : (node.is_sequence() ? 1 : 0);
}

/// The innermost lists of numbers, in order.
inline std::vector<std::vector<double>> golden_lists(const Node& node) {
  if (golden_depth(node) <= 1) return {golden_numbers(node)};
  std::vector<std::vector<double>> lists;
  for (const Node& item : node.items())
    for (auto& list : golden_lists(item)) lists.push_back(std::move(list));
  return lists;
}

/// One case of a golden file.
struct GoldenCase {
  const Node& node;

  std::string id() const { return node.text_or("id", "?"); }
  std::string method() const { return node.text_or("method", ""); }
  std::string source() const { return node.text_or("source", ""); }
  /// "LibMTL" of "LibMTL@4336804"
  std::string peer() const { return source().substr(0, source().find('@')); }
  bool has(const std::string& key) const {
    const Node* found = node.find(key);
    return found != nullptr && !found->is_null();
  }
  const Node& at(const std::string& key) const { return member(node, key); }
  bool has_param(const std::string& key) const {
    const Node* given = at("params").find(key);
    return given != nullptr && !given->is_null();
  }
  const Node& param(const std::string& key) const { return member(at("params"), key); }
  double param_or(const std::string& key, double fallback) const {
    return has_param(key) ? golden_number(param(key)) : fallback;
  }
  std::string param_text(const std::string& key, const std::string& fallback) const {
    return has_param(key) ? param(key).text() : fallback;
  }

 private:
  static const Node& member(const Node& of, const std::string& key) {
    const Node* found = of.find(key);
    if (found == nullptr) throw InputError("{}: the golden case has no \"{}\"", of.where(), key);
    return *found;
  }
};

}  // namespace polytask
