#pragma once
#include <polytask/balancing/balancer.h>
#include <polytask/config/yaml.h>
#include <polytask/core/error.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

/// Gives the normals of a list, in order, and nothing else.
class GivenNormals : public Draws {
 public:
  explicit GivenNormals(std::vector<double> values) : values_(std::move(values)) {}
  std::vector<int64_t> order(const std::string&, int64_t) override { throw std::logic_error("no orders given"); }
  std::vector<double> uniforms(const std::string&, int64_t) override { throw std::logic_error("no uniforms given"); }
  std::vector<double> normals(const std::string& name, int64_t n) override {
    names.push_back(name);
    const size_t end = used_ + static_cast<size_t>(n);
    if (end > values_.size()) throw std::logic_error("more normals asked for than were given");
    const std::vector<double> part(values_.begin() + static_cast<std::ptrdiff_t>(used_),
                                   values_.begin() + static_cast<std::ptrdiff_t>(end));
    used_ = end;
    return part;
  }
  std::vector<std::string> names;  ///< asked for so far

 private:
  std::vector<double> values_;
  size_t used_ = 0;
};

/// Regression tasks with these names.
inline std::vector<TaskInfo> tasks_named(const std::vector<std::string>& names) {
  std::vector<TaskInfo> tasks;
  for (const auto& name : names) tasks.push_back({name, "regression", 1});
  return tasks;
}

/// n regression tasks "t0", "t1", …
inline std::vector<TaskInfo> numbered_tasks(size_t n) {
  std::vector<std::string> names;
  for (size_t t = 0; t < n; ++t) names.push_back("t" + std::to_string(t));
  return tasks_named(names);
}

/// The method of a `balancing` section in YAML, set up for the tasks.
inline std::unique_ptr<Balancer> make_balancer(const std::string& yaml, const std::vector<TaskInfo>& tasks) {
  auto balancer = balancers().create(parse_yaml(yaml, "test.yaml"));
  balancer->method().setup(tasks);
  return balancer;
}

inline LossWeighting& weighting_of(Balancer& balancer) { return dynamic_cast<LossWeighting&>(balancer.method()); }

/// The text of the error that `action` throws; "" where it throws none of that type.
template <class E, class Action>
std::string message_of(Action action) {
  try {
    action();
  } catch (const E& error) {
    return error.what();
  }
  return "";
}

}  // namespace polytask
