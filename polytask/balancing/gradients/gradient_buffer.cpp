#include <polytask/balancing/gradients/gradient_buffer.h>
#include <polytask/balancing/gradients/row_kernels.h>

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

namespace polytask {

at::Tensor gradient_of(const at::Tensor& parameter) {
  at::Tensor& gradient = parameter.mutable_grad();
  if (!gradient.defined())
    gradient = at::zeros_like(parameter, at::MemoryFormat::Contiguous);
  else if (!gradient.is_contiguous())
    gradient = gradient.contiguous();
  return gradient;
}

void GradientBuffer::lay_out(const GradientScope& scope, const std::vector<char>& held, int64_t tasks,
                             bool contiguous) {
  slices_.clear();
  held_.clear();
  size_ = 0;
  for (size_t i = 0; i < scope.columns.size(); ++i) {
    if (!held[i]) continue;
    const ScopeColumn& column = scope.columns[i];
    slices_.push_back({column.parameter, size_, column.size(), column.block});
    held_.push_back(i);
    size_ += column.size();
  }
  tasks_ = tasks;
  contiguous_ = contiguous;
  rows_.assign(static_cast<size_t>(tasks), std::vector<at::Tensor>(slices_.size()));
}

void GradientBuffer::release() { rows_.clear(); }

// What autograd made for one batch needs no copy: it is only read.
bool GradientBuffer::can_keep(const at::Tensor& gradient, const Slice& slice, double factor) const {
  return !contiguous_ && factor == 1.0 && gradient.is_contiguous() &&
         gradient.scalar_type() == slice.parameter.scalar_type();
}

at::Tensor GradientBuffer::place_in_matrix(int64_t task, const Slice& slice) {
  const auto options = slices_[0].parameter.options().requires_grad(false);
  if (!matrix_.defined() || matrix_.size(0) != tasks_ || matrix_.size(1) != size_ ||
      matrix_.scalar_type() != options.dtype() || matrix_.device() != options.device())
    matrix_ = at::empty({tasks_, size_}, options);
  return matrix_.select(0, task).narrow(0, slice.begin, slice.size);
}

void GradientBuffer::add(int64_t task, const std::vector<at::Tensor>& gradients, double factor) {
  auto& row = rows_[static_cast<size_t>(task)];
  for (size_t i = 0; i < slices_.size(); ++i) {
    const at::Tensor& gradient = gradients[i];
    if (!gradient.defined()) continue;
    const at::Tensor flat = gradient.reshape({-1});
    if (row[i].defined() && matrix_.defined() && row[i].is_alias_of(matrix_)) {
      row[i].add_(flat, factor);
    } else if (row[i].defined()) {
      row[i] = row[i].add(flat, factor);  // a kept gradient may be somebody else's tensor, too
    } else if (can_keep(gradient, slices_[i], factor)) {
      row[i] = flat;
    } else {
      row[i] = place_in_matrix(task, slices_[i]);
      row[i].copy_(flat);
      if (factor != 1.0) row[i].mul_(factor);
    }
  }
}

bool GradientBuffer::is_reached(const std::vector<int64_t>& tasks, size_t slice) const {
  for (int64_t task : tasks)
    if (rows_[static_cast<size_t>(task)][slice].defined()) return true;
  return false;
}

std::vector<at::Tensor> GradientBuffer::parts(const std::vector<int64_t>& tasks, size_t slice) {
  std::vector<at::Tensor> result;
  for (int64_t task : tasks) {
    at::Tensor& part = rows_[static_cast<size_t>(task)][slice];
    if (!part.defined()) part = place_in_matrix(task, slices_[slice]).zero_();
    result.push_back(part);
  }
  return result;
}

at::Tensor GradientBuffer::matrix(const std::vector<int64_t>& tasks) {
  if (slices_.empty()) return at::zeros({static_cast<int64_t>(tasks.size()), 0});
  for (size_t slice = 0; slice < slices_.size(); ++slice) parts(tasks, slice);
  if (static_cast<int64_t>(tasks.size()) == tasks_) return matrix_;
  std::vector<at::Tensor> present;
  for (int64_t task : tasks) present.push_back(matrix_.select(0, task));
  return at::stack(present);
}

void GradientBuffer::add_gram(const std::vector<int64_t>& tasks, Matrix& gram, std::vector<Matrix>& blocks) {
  for (size_t slice = 0; slice < slices_.size(); ++slice) {
    if (!is_reached(tasks, slice)) continue;
    const auto rows = parts(tasks, slice);
    add_inner_products(rows, rows, blocks.empty() ? gram : blocks[static_cast<size_t>(slices_[slice].block)]);
  }
  for (const Matrix& block : blocks)
    for (int64_t i = 0; i < gram.rows(); ++i)
      for (int64_t j = 0; j < gram.cols(); ++j) gram(i, j) += block(i, j);
}

void GradientBuffer::combine(const std::vector<int64_t>& tasks, const std::vector<double>& w,
                             const std::vector<std::vector<double>>& block_w) {
  for (size_t slice = 0; slice < slices_.size(); ++slice) {
    if (!is_reached(tasks, slice)) continue;
    const auto& weights = block_w.empty() ? w : block_w[static_cast<size_t>(slices_[slice].block)];
    const at::Tensor& parameter = slices_[slice].parameter;
    const bool fresh = !parameter.grad().defined();
    if (fresh) parameter.mutable_grad() = at::empty_like(parameter, at::MemoryFormat::Contiguous);
    add_weighted_rows(parts(tasks, slice), weights, gradient_of(parameter), fresh);
  }
}

int64_t GradientBuffer::bytes() const {
  int64_t bytes = 0;
  for (const auto& row : rows_)
    for (const auto& part : row)
      if (part.defined()) bytes += part.numel() * static_cast<int64_t>(part.element_size());
  return bytes;
}

void GradientBuffer::distribute(const at::Tensor& direction) {
  for (const Slice& slice : slices_)
    gradient_of(slice.parameter).view({-1}).add_(direction.narrow(0, slice.begin, slice.size));
}

}  // namespace polytask
