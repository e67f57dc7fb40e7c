#include <polytask/balancing/combining/rows.h>
#include <polytask/balancing/gradients/row_kernels.h>
#include <polytask/core/error.h>

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/mv.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

namespace polytask {

void check_rows(const std::string& method, const GradientRows& rows, size_t batches) {
  if (rows.samples.size() < batches)
    throw WorkError("{}: needs the gradients of {} batches, and was given those of {}", method, batches,
                    rows.samples.size());
  for (const at::Tensor& sample : rows.samples)
    if (sample.dim() != 2 || sample.size(0) != rows.rows() || rows.rows() == 0)
      throw WorkError("{}: the gradients are no matrix with one row for each of {} tasks", method, rows.rows());
}

void prepare_state(const std::string& method, const std::string& name, const GradientRows& rows, at::Tensor& state) {
  const at::Tensor& grads = rows.grads();
  if (!state.defined()) state = at::zeros({rows.task_count, grads.size(1)}, grads.options());
  if (state.dim() != 2 || state.size(0) != rows.task_count || state.size(1) != grads.size(1))
    throw WorkError(
        "{}: the state \"{}\" has {} elements, but {} tasks with {} shared parameters need {}: it is that of "
        "another model",
        method, name, state.numel(), rows.task_count, grads.size(1), rows.task_count * grads.size(1));
  state = state.to(grads.options());
}

std::vector<at::Tensor> state_rows(const at::Tensor& state, const std::vector<int64_t>& tasks) {
  std::vector<at::Tensor> rows;
  for (int64_t task : tasks) rows.push_back(state.select(0, task));
  return rows;
}

std::vector<at::Tensor> each_row(const at::Tensor& rows) { return rows.unbind(0); }

double row_norm(const at::Tensor& row) {
  Matrix square(1, 1);
  add_inner_products({row}, {row}, square);
  return std::sqrt(square(0, 0));
}

Matrix row_products(const at::Tensor& a, const at::Tensor& b) {
  auto rows = each_row(a);
  for (const at::Tensor& row : each_row(b)) rows.push_back(row);
  const auto count = static_cast<int64_t>(rows.size());
  Matrix all(count, count), products(a.size(0), b.size(0));
  add_inner_products(rows, rows, all);
  for (int64_t i = 0; i < products.rows(); ++i)
    for (int64_t j = 0; j < products.cols(); ++j) products(i, j) = all(i, products.rows() + j);
  return products;
}

at::Tensor weighted_rows(const std::vector<at::Tensor>& rows, const std::vector<double>& w) {
  at::Tensor sum = at::zeros({rows.front().numel()}, rows.front().options());
  add_weighted_rows(rows, w, sum);
  return sum;
}

std::vector<double> row_dots(const at::Tensor& rows, const at::Tensor& vector) {
  return to_vector(at::mv(rows, vector));
}

at::Tensor to_tensor(const std::vector<double>& values) {
  at::Tensor tensor = at::empty({static_cast<int64_t>(values.size())}, at::kDouble);
  std::copy(values.begin(), values.end(), tensor.data_ptr<double>());
  return tensor;
}

std::vector<double> to_vector(const at::Tensor& values) {
  const at::Tensor flat = values.to(at::kCPU, at::kDouble).contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

at::Tensor to_tensor(int64_t value) { return at::full({}, value, at::kLong); }

const at::Tensor& saved(const NamedTensors& state, const std::string& method, const std::string& name) {
  const auto found = state.find(name);
  if (found == state.end()) throw WorkError("{}: the saved state has no \"{}\"", method, name);
  return found->second;
}

}  // namespace polytask
