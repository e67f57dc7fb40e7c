#include <polytask/balancing/gradients/gradient_buffer.h>
#include <polytask/balancing/gradients/row_kernels.h>

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

namespace polytask {

at::Tensor gradient_of(const at::Tensor& parameter) {
  at::Tensor& gradient = parameter.mutable_grad();
  if (!gradient.defined())
    gradient = at::zeros_like(parameter, at::MemoryFormat::Contiguous);
  else if (!gradient.is_contiguous())
    gradient = gradient.contiguous();
  return gradient;
}

void GradientBuffer::lay_out(const GradientScope& scope, const std::vector<char>& held, int64_t tasks) {
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
  written_.assign(static_cast<size_t>(tasks), 0);
  if (slices_.empty()) {
    grads_ = at::Tensor();
    return;
  }
  const auto options = slices_[0].parameter.options().requires_grad(false);
  if (!grads_.defined() || grads_.size(0) != tasks || grads_.size(1) != size_ ||
      grads_.scalar_type() != options.dtype() || grads_.device() != options.device())
    grads_ = at::empty({tasks, size_}, options);
}

void GradientBuffer::forget_rows() { std::fill(written_.begin(), written_.end(), 0); }

at::Tensor GradientBuffer::part(int64_t task, int64_t begin, int64_t size) {
  return grads_.select(0, task).narrow(0, begin, size);
}

void GradientBuffer::clear_row_if_new(int64_t task) {
  if (written_[static_cast<size_t>(task)]) return;
  grads_.select(0, task).zero_();
  written_[static_cast<size_t>(task)] = 1;
}

void GradientBuffer::add(int64_t task, const std::vector<at::Tensor>& gradients, double factor) {
  char& written = written_[static_cast<size_t>(task)];
  for (size_t i = 0; i < slices_.size(); ++i) {
    at::Tensor to = part(task, slices_[i].begin, slices_[i].size);
    if (!gradients[i].defined()) {
      if (!written) to.zero_();
      continue;
    }
    const at::Tensor from = gradients[i].reshape({-1});
    if (written)
      to.add_(from, factor);
    else if (factor == 1.0)
      to.copy_(from);
    else
      to.copy_(from).mul_(factor);
  }
  written = 1;
}

std::vector<at::Tensor> GradientBuffer::rows(const std::vector<int64_t>& tasks) {
  std::vector<at::Tensor> result;
  for (int64_t task : tasks) {
    clear_row_if_new(task);
    result.push_back(grads_.select(0, task));
  }
  return result;
}

at::Tensor GradientBuffer::matrix(const std::vector<int64_t>& tasks) {
  const auto present = rows(tasks);
  if (static_cast<int64_t>(tasks.size()) == grads_.size(0)) return grads_;
  return at::stack(present);
}

void GradientBuffer::add_gram(const std::vector<int64_t>& tasks, Matrix& gram, std::vector<Matrix>& blocks) {
  if (slices_.empty()) return;
  const auto all = rows(tasks);
  if (blocks.empty()) return add_inner_products(all, all, gram);
  for (const Slice& slice : slices_) {
    std::vector<at::Tensor> parts;
    for (int64_t task : tasks) parts.push_back(part(task, slice.begin, slice.size));
    add_inner_products(parts, parts, blocks[static_cast<size_t>(slice.block)]);
  }
  for (const Matrix& block : blocks)
    for (int64_t i = 0; i < gram.rows(); ++i)
      for (int64_t j = 0; j < gram.cols(); ++j) gram(i, j) += block(i, j);
}

void GradientBuffer::combine(const std::vector<int64_t>& tasks, const std::vector<double>& w,
                             const std::vector<std::vector<double>>& block_w) {
  if (slices_.empty()) return;
  rows(tasks);
  for (const Slice& slice : slices_) {
    std::vector<at::Tensor> parts;
    for (int64_t task : tasks) parts.push_back(part(task, slice.begin, slice.size));
    const auto& weights = block_w.empty() ? w : block_w[static_cast<size_t>(slice.block)];
    const bool fresh = !slice.parameter.grad().defined();
    if (fresh) slice.parameter.mutable_grad() = at::empty_like(slice.parameter, at::MemoryFormat::Contiguous);
    add_weighted_rows(parts, weights, gradient_of(slice.parameter), fresh);
  }
}

void GradientBuffer::distribute(const at::Tensor& direction) {
  for (const Slice& slice : slices_)
    gradient_of(slice.parameter).view({-1}).add_(direction.narrow(0, slice.begin, slice.size));
}

}  // namespace polytask
