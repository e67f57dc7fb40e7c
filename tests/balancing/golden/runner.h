#pragma once
#include <polytask/io/json.h>

#include <balancing/golden/case.h>
#include <balancing/golden/exclusions.h>
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
using GoldenMethod = std::function<GoldenResult(const GoldenCase&)>;
using GoldenMethods = std::map<std::string, GoldenMethod>;

struct GoldenCounts {
  int64_t run = 0, failed = 0, excluded = 0;
  std::vector<std::string> failures;
};

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

/// True where a result need not contain the key: it describes the peer's reporting or its treatment of heads, or the
/// weights of CAGrad, whose objective is flat in them.
inline bool is_optional_key(const GoldenCase& one, const std::string& key) {
  static const std::string kReported = "reported_by_peer";
  const bool reported =
      key.size() >= kReported.size() && key.compare(key.size() - kReported.size(), kReported.size(), kReported) == 0;
  const bool weights = key == "weights" || key == "simplex_weights" || key == "weights_per_step";
  return reported || key == "decoder_grad_scale" || key == "decoder_grad_scale_per_step" ||
         (one.method() == "CAGrad" && weights);
}

/// What is not required is compared where it is given, but for CAGrad's weights and what a peer merely reports.
inline bool is_compared(const GoldenCase& one, const std::string& key) {
  return !is_optional_key(one, key) || key.rfind("decoder_grad_scale", 0) == 0;
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
  return difference == 0 ? 0 : difference / (tolerance * size);
}

inline double golden_floor(const GoldenCase& one, const std::string& key) {
  const Node* floors = one.node.find("floor");
  const Node* given = floors != nullptr ? floors->find(key.substr(0, key.find('/'))) : nullptr;
  return given != nullptr ? golden_number(*given) : 1e-3;
}

inline double largest_magnitude(const std::vector<double>& values) {
  double largest = 0;
  for (double value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

/// What a result lacks, or where it is not finite; "" where it is whole.
inline std::string golden_gaps(const GoldenResult& expected, const GoldenCase& one, const GoldenResult& result) {
  for (const auto& [key, values] : expected) {
    const auto got = result.find(key);
    if (got == result.end()) {
      if (is_optional_key(one, key)) continue;
      return fmt::format("no result for \"{}\"", key);
    }
    if (got->second.size() != values.size())
      return fmt::format("{} numbers for the {} of \"{}\"", got->second.size(), values.size(), key);
    for (double value : got->second)
      if (!std::isfinite(value)) return fmt::format("\"{}\" is not finite", key);
  }
  return "";
}

/// What is wrong with a result by `expected`, or "".
inline std::string differs_from_peer(const GoldenResult& expected, const GoldenCase& one, const GoldenResult& result) {
  const double tolerance = golden_number(one.at("tolerance"));
  for (const auto& [key, values] : expected) {
    const auto got = result.find(key);
    if (got == result.end() || !is_compared(one, key)) continue;
    const double distance = golden_distance(values, got->second, tolerance, golden_floor(one, key));
    if (!(distance <= 1)) return fmt::format("\"{}\" is off by {:.3g} times the tolerance", key, distance);
  }
  return "";
}

/// The rows as `mgda_gn` normalises them.
inline std::vector<std::vector<double>> normalised_rows(const GoldenCase& one) {
  auto rows = golden_rows(one.at("grads"));
  const auto losses = one.has("losses") ? golden_numbers(one.at("losses")) : std::vector<double>(rows.size(), 1.0);
  const std::string normalisation = one.param_text("mgda_gn", "none");
  for (size_t t = 0; t < rows.size(); ++t) {
    double scale = 1, square = 0;
    for (double value : rows[t]) square += value * value;
    if (normalisation == "l2" || normalisation == "loss+") scale *= std::sqrt(square);
    if (normalisation == "loss" || normalisation == "loss+") scale *= losses[t];
    for (double& value : rows[t]) value /= scale;
  }
  return rows;
}

/// Whether the weights lie on the simplex and combine the rows to a vector of least norm.
inline std::string differs_from_least_norm(const GoldenCase& one, const GoldenResult& result, double least) {
  const auto found = result.find("weights");
  if (found == result.end()) return "no weights to compare with the least norm";
  std::vector<double> w = found->second;
  const auto rows = normalised_rows(one);
  if (w.size() != rows.size() || w.empty()) return "not one weight for every row";
  const double whole = one.param_text("weights_sum_to", "") == "T" ? static_cast<double>(w.size()) : 1.0;
  double sum = 0, least_weight = 0, largest_row = 0, largest_value = 0, square = 0;
  for (double value : w) {
    sum += value;
    least_weight = std::min(least_weight, value);
  }
  if (!(least_weight >= -1e-9) || !(std::abs(sum - whole) <= 1e-6 * whole)) return "the weights are off the simplex";
  std::vector<double> combined(rows.front().size(), 0.0);
  for (size_t t = 0; t < rows.size(); ++t) {
    double row = 0;
    for (size_t p = 0; p < combined.size(); ++p) {
      combined[p] += w[t] * rows[t][p];
      row += rows[t][p] * rows[t][p];
      largest_value = std::max(largest_value, std::abs(rows[t][p]));
    }
    largest_row = std::max(largest_row, row);
  }
  const auto direction = result.find("direction");
  for (size_t p = 0; p < combined.size(); ++p) {
    square += combined[p] * combined[p] / (whole * whole);
    if (direction != result.end() && direction->second.size() == combined.size() &&
        !(std::abs(direction->second[p] - combined[p]) <= 1e-6 * largest_value * whole))
      return "the direction is not that of the weights";
  }
  const double allowed = least + 1e-4 * least + 1e-9 * largest_row;
  return square <= allowed ? "" : fmt::format("the norm² {:.6g} exceeds the least, {:.6g}", square, least);
}

/// What is wrong with a result by `reference_optimum`, or "".
inline std::string differs_from_reference(const GoldenCase& one, const GoldenResult& result) {
  if (!one.has("reference_optimum")) return "the case has no optimum to compare with";
  const Node& reference = one.at("reference_optimum");
  if (const Node* least = reference.find("min_norm_sq"))
    return differs_from_least_norm(one, result, golden_number(*least));
  int64_t compared = 0;
  for (const char* key : {"alpha", "weights", "direction"}) {
    const Node* values = reference.find(key);
    const auto got = result.find(key);
    if (values == nullptr || got == result.end() || (one.method() == "CAGrad" && std::string(key) == "weights"))
      continue;
    ++compared;
    const double inputs = std::string(key) != "direction" ? 1
                          : one.has("grads")              ? largest_magnitude(golden_numbers(one.at("grads")))
                                                          : 1;
    const double distance = golden_distance(golden_numbers(*values), got->second, 1e-4, 1e-3 * inputs);
    if (!(distance <= 1)) return fmt::format("\"{}\" is off the optimum by {:.3g} times the tolerance", key, distance);
  }
  return compared > 0 ? "" : "nothing to compare with the optimum";
}

/// What is wrong with a result, or "".
inline std::string golden_verdict(const GoldenCase& one, const GoldenResult& result) {
  GoldenResult expected;
  flatten_expected(one.at("expected"), "", expected);
  const std::string gaps = golden_gaps(expected, one, result);
  if (!gaps.empty()) return gaps;
  if (one.node.text_or("fragile", "false") == "true") return "";
  const std::string accept = one.has("accept") ? one.at("accept").text() : "peer";
  if (accept == "peer") return differs_from_peer(expected, one, result);
  if (accept == "reference") return differs_from_reference(one, result);
  if (accept != "either") return fmt::format("its rule of acceptance, \"{}\", is not known to this runner", accept);
  const std::string peer = differs_from_peer(expected, one, result);
  if (peer.empty()) return "";
  const std::string reference = differs_from_reference(one, result);
  return reference.empty() ? "" : fmt::format("{}; {}", peer, reference);
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
  if (!cases.is_sequence()) throw InputError("{}: a golden file is a list of cases", file.string());
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
    counts.failures.push_back(
        fmt::format("{} ({}, {}, {}): {}", one.id(), one.method(), one.peer(), one.node.text_or("case", ""), wrong));
  }
  return counts;
}

}  // namespace polytask
