#include <polytask/balancing/combining/rows.h>
#include <polytask/balancing/combining/task_shares.h>
#include <polytask/core/error.h>
#include <polytask/solvers/simplex.h>

#include <numeric>

namespace polytask {

void TaskShares::reset(int64_t tasks) {
  values_.assign(static_cast<size_t>(tasks), tasks > 0 ? 1.0 / static_cast<double>(tasks) : 0.0);
}

void TaskShares::prepare(int64_t tasks) {
  if (static_cast<int64_t>(values_.size()) != tasks) reset(tasks);
}

double TaskShares::total(const std::vector<int64_t>& tasks) const {
  double sum = 0;
  for (int64_t task : tasks) sum += values_[static_cast<size_t>(task)];
  return sum;
}

std::vector<double> TaskShares::of(const std::vector<int64_t>& tasks) const {
  const double sum = total(tasks);
  std::vector<double> shares;
  for (int64_t task : tasks)
    shares.push_back(sum > 0 ? values_[static_cast<size_t>(task)] / sum : 1.0 / static_cast<double>(tasks.size()));
  return shares;
}

void TaskShares::set(const std::vector<int64_t>& tasks, const std::vector<double>& shares) {
  const double sum = total(tasks);
  for (size_t i = 0; i < tasks.size(); ++i) values_[static_cast<size_t>(tasks[i])] = sum * shares[i];
}

at::Tensor TaskShares::tensor() const { return to_tensor(values_); }

void TaskShares::load(const std::string& method, const at::Tensor& values) {
  if (!values_.empty() && values.numel() != static_cast<int64_t>(values_.size()))
    throw WorkError("{}: the saved weights are those of {} tasks, not of {}", method, values.numel(), values_.size());
  values_ = to_vector(values);
}

std::vector<double> on_simplex(std::vector<double> values) {
  project_to_simplex(values);
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  for (double& value : values) value /= sum;
  return values;
}

}  // namespace polytask
