#pragma once
#include <polytask/io/json.h>

#include <balancing/golden_case.h>
#include <balancing/golden_exclusions.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

namespace polytask {

/// What a method gives for a case: the keys of the case's `expected`, nested keys as "outer/inner", values flattened.
using GoldenResult = std::map<std::string, std::vector<double>>;
/// How to run a golden file's method name.
using GoldenMethods = std::map<std::string, std::function<GoldenResult(const GoldenCase&)>>;

struct GoldenCounts {
  int64_t run = 0, failed = 0, excluded = 0;
  std::vector<std::string> failures;
};

/// True where a result need not contain the key: it describes the peer's reporting or its treatment of heads.
inline bool is_optional_key(const std::string& key) {
  static const std::string kReported = "reported_by_peer";
  const bool reported =
      key.size() >= kReported.size() && key.compare(key.size() - kReported.size(), kReported.size(), kReported) == 0;
  return reported || key == "decoder_grad_scale";
}

/// The numbers of `expected` by flattened key.
inline void flatten_expected(const Node& node, const std::string& path, GoldenResult& flat) {
  for (const auto& [key, value] : node.entries()) {
    const std::string full = path.empty() ? key : path + "/" + key;
    if (value.is_map())
      flatten_expected(value, full, flat);
    else
      flat[full] = golden_numbers(value);
  }
}

/// max|got − expected| over tolerance · max(max|expected|, floor); infinite where shapes differ or values are not
/// finite.
inline double golden_distance(const std::vector<double>& expected, const std::vector<double>& got, double tolerance,
                              double floor) {
  const double infinity = std::numeric_limits<double>::infinity();
  if (expected.size() != got.size()) return infinity;
  double difference = 0, size = floor;
  for (size_t i = 0; i < got.size(); ++i) {
    if (!std::isfinite(got[i])) return infinity;
    difference = std::max(difference, std::abs(got[i] - expected[i]));
    size = std::max(size, std::abs(expected[i]));
  }
  return difference / (tolerance * size);
}

inline double golden_floor(const GoldenCase& one, const std::string& key) {
  const Node* floors = one.node.find("floor");
  const Node* given = floors != nullptr ? floors->find(key.substr(0, key.find('/'))) : nullptr;
  return given != nullptr ? golden_number(*given) : 1e-3;
}

/// What is wrong with a result, or "".
inline std::string golden_verdict(const GoldenCase& one, const GoldenResult& result) {
  if (one.has("accept") || one.has("fragile")) return "its rule of acceptance is not known to this runner";
  GoldenResult expected;
  flatten_expected(one.at("expected"), "", expected);
  const double tolerance = golden_number(one.at("tolerance"));
  for (const auto& [key, values] : expected) {
    if (is_optional_key(key)) continue;
    const auto got = result.find(key);
    if (got == result.end()) return fmt::format("no result for \"{}\"", key);
    const double distance = golden_distance(values, got->second, tolerance, golden_floor(one, key));
    if (!(distance <= 1)) return fmt::format("\"{}\" is off by {:.3g} times the tolerance", key, distance);
  }
  return "";
}

inline std::string run_golden_case(const GoldenCase& one, const GoldenMethods& methods) {
  const auto method = methods.find(one.method());
  if (method == methods.end()) return fmt::format("no method is known for \"{}\"", one.method());
  try {
    return golden_verdict(one, method->second(one));
  } catch (const std::exception& error) {
    return error.what();
  }
}

/// Runs every case of a file.
inline GoldenCounts run_golden_file(const std::filesystem::path& file, const GoldenMethods& methods) {
  GoldenCounts counts;
  const Node cases = read_json_file(file);
  for (const Node& node : cases.items()) {
    const GoldenCase one{node};
    if (is_excluded(one)) {
      ++counts.excluded;
      continue;
    }
    ++counts.run;
    const std::string wrong = run_golden_case(one, methods);
    if (wrong.empty()) continue;
    ++counts.failed;
    counts.failures.push_back(fmt::format("{} ({}, {}): {}", one.id(), one.method(), one.peer(), wrong));
  }
  return counts;
}

}  // namespace polytask
