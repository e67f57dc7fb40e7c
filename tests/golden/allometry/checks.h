#pragma once
#include <polytask/allometry/csv_observations.h>
#include <polytask/allometry/kept_rows.h>
#include <polytask/core/error.h>
#include <polytask/core/options.h>
#include <polytask/io/json.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace polytask::golden {

/// Counts comparisons and remembers those that failed.
class Checks {
 public:
  void near(const std::string& what, double actual, double expected, double tolerance) {
    ++run;
    if (std::abs(actual - expected) <= tolerance) return;
    fail(fmt::format("{}: {:.12g} where {:.12g} is expected, tolerance {:.2g}", what, actual, expected, tolerance));
  }
  void relative(const std::string& what, double actual, double expected, double tolerance) {
    near(what, actual, expected, tolerance * std::max(std::abs(expected), 1e-12));
  }
  void equal(const std::string& what, int64_t actual, int64_t expected) {
    near(what, static_cast<double>(actual), static_cast<double>(expected), 0);
  }
  void at_most(const std::string& what, double actual, double limit) {
    ++run;
    if (!(actual <= limit)) fail(fmt::format("{}: {:.12g} is above {:.12g}", what, actual, limit));
  }
  void fail(const std::string& text) { failures.push_back(text); }
  void exclude(const std::string& text) { excluded.push_back(text); }

  int64_t run = 0;
  std::vector<std::string> failures, excluded;
};

inline const Node& member(const Node& node, const std::string& key) {
  const Node* found = node.find(key);
  if (found == nullptr) throw InputError("{}: \"{}\" is missing", node.where(), key);
  return *found;
}
inline double number(const Node& node, const std::string& key) { return json_number(member(node, key)); }
inline std::vector<double> numbers(const Node& list) {
  std::vector<double> values;
  for (const auto& item : list.items()) values.push_back(json_number(item));
  return values;
}

/// The rows of a folder's table from a height on; each height is read once.
class Trees {
 public:
  explicit Trees(std::filesystem::path folder) : folder_(std::move(folder)) {}
  const KeptRows& from_height(double height_m) {
    auto& rows = rows_[height_m];
    if (rows == nullptr) {
      CsvObservations table(folder_ / "allometry.csv", {"genus", "height_m", "agb_kg", group_column()}, {});
      rows = std::make_unique<KeptRows>(table, height_m);
    }
    return *rows;
  }
  // "study" or, where a table has that instead, "site".
  std::string group_column() const {
    const auto names = CsvStream(folder_ / "allometry.csv").names();
    for (const char* name : {"study", "site"})
      if (std::find(names.begin(), names.end(), name) != names.end()) return name;
    return "";
  }
  /// Number of the genus; −1 where there is none.
  static int64_t genus(const KeptRows& rows, const std::string& name) {
    for (size_t g = 0; g < rows.genera().size(); ++g)
      if (rows.genera()[g] == name) return static_cast<int64_t>(g);
    return -1;
  }

 private:
  std::filesystem::path folder_;
  std::map<double, std::unique_ptr<KeptRows>> rows_;
};

// Each compares one file's numbers with ours.
void check_least_squares(const Node& file, Trees& trees, Checks& checks);
void check_least_squares_table(const std::filesystem::path& file, Trees& trees, Checks& checks);
void check_random_slopes(const Node& file, Trees& trees, Checks& checks);
void check_centring(const std::filesystem::path& file, Trees& trees, Checks& checks);
void check_expectation_maximisation(const Node& file, Trees& trees, Checks& checks);
void check_forms(const Node& file, Trees& trees, Checks& checks);
void check_loss(const Node& file, Checks& checks);

}  // namespace polytask::golden
