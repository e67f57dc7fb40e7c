#pragma once
#include <polytask/balancing/method.h>

#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

/// One number a task, given in the configuration or the same for all.
class Preference {
 public:
  /// InputError unless `given` is empty or finite, not negative and not all 0.
  Preference(const std::string& method, std::vector<double> given);
  /// InputError where there is not one number for each task.
  void setup(const std::vector<TaskInfo>& tasks) const;
  bool given() const { return !given_.empty(); }
  /// Of the tasks of the rows; `fallback` for each where none were given.
  std::vector<double> of(const std::vector<int64_t>& tasks, double fallback) const;

 private:
  std::string method_;
  std::vector<double> given_;
};

}  // namespace polytask
