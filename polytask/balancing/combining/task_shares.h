#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

/// A point of the simplex over T tasks that a method moves step by step. A step sees and moves only the entries of the
/// tasks present, as a simplex of their own; together they keep the share of the whole that they had, so that those of
/// absent tasks stay as they are.
class TaskShares {
 public:
  /// 1/T each.
  void reset(int64_t tasks);
  /// Resets unless there are `tasks` entries already.
  void prepare(int64_t tasks);
  /// The entries of `tasks`, made to sum to 1; equal ones where all of them are 0.
  std::vector<double> of(const std::vector<int64_t>& tasks) const;
  /// Replaces the entries of `tasks` by `shares` (which sum to 1) times the sum that they had.
  void set(const std::vector<int64_t>& tasks, const std::vector<double>& shares);
  const std::vector<double>& values() const { return values_; }

  at::Tensor tensor() const;
  /// WorkError where it is no list of as many entries as there are tasks.
  void load(const std::string& method, const at::Tensor& values);

 private:
  double total(const std::vector<int64_t>& tasks) const;
  std::vector<double> values_;
};

/// The Euclidean projection of `values` to the simplex, brought to a sum of exactly 1 to rounding.
std::vector<double> on_simplex(std::vector<double> values);

}  // namespace polytask
