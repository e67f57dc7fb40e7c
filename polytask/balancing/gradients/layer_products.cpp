#include <polytask/balancing/gradients/gradient_buffer.h>
#include <polytask/balancing/gradients/layer_products.h>
#include <polytask/balancing/gradients/row_kernels.h>

#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

namespace polytask {
namespace {

// Time of one memory access of a float, and of one step of the inner products, in operations of a matrix product.
// Measured by bench/gram_bench; see docs/balancing.md.
constexpr double kAccess = 24;
constexpr double kProduct = 2;

}  // namespace

void LayerProducts::set_deltas(const std::vector<at::Tensor>& deltas) {
  deltas_.clear();
  for (const auto& delta : deltas)
    deltas_.push_back(delta.defined() ? use_.flatten_delta(delta)
                                      : at::zeros({use_.rows, use_.out}, use_.input.options()));
}

void LayerProducts::add_gram(Matrix& gram) const {
  const at::Tensor a = use_.patches();
  at::Tensor kernel = at::mm(a, a.t());
  if (use_.bias != nullptr) kernel.add_(1);
  std::vector<at::Tensor> products;
  const at::Tensor all = at::empty({static_cast<int64_t>(deltas_.size()), use_.rows, use_.out}, a.options());
  for (size_t r = 0; r < deltas_.size(); ++r) {
    products.push_back(all.select(0, static_cast<int64_t>(r)));
    at::mm_out(products.back(), kernel, deltas_[r]);
  }
  add_inner_products(deltas_, products, gram);
}

void LayerProducts::combine(const std::vector<double>& w, const at::Tensor& weight, const at::Tensor& bias) const {
  const at::Tensor delta = at::empty({use_.rows, use_.out}, use_.input.options());
  add_weighted_rows(deltas_, w, delta, /*overwrite=*/true);
  if (weight.grad().defined())
    gradient_of(weight).view({use_.out, use_.in}).addmm_(delta.t(), use_.patches());
  else
    weight.mutable_grad() = at::mm(delta.t(), use_.patches()).view(weight.sizes());
  if (bias.defined()) gradient_of(bias).add_(delta.sum(0));
}

double LayerProducts::cost_of_products(const LayerUse& use, int64_t tasks) {
  const auto t = static_cast<double>(tasks), n = static_cast<double>(use.rows), in = static_cast<double>(use.in),
             out = static_cast<double>(use.out);
  const double kernel = 2 * n * n * in, spread = 2 * t * n * n * out, inner = kProduct * t * (t + 1) / 2 * n * out;
  const double step = 2 * n * in * out, copies = use.convolution ? kAccess * n * (2 * in + t * out) : 0;
  return kernel + spread + inner + step + copies + kAccess * 2 * t * n * out;
}

double LayerProducts::cost_of_rows(const LayerUse& use, int64_t tasks) {
  const auto t = static_cast<double>(tasks), n = static_cast<double>(use.rows), in = static_cast<double>(use.in),
             out = static_cast<double>(use.out);
  const double gradients = 2 * t * n * in * out, inner = kProduct * t * (t + 1) / 2 * in * out;
  return gradients + inner + kAccess * 3 * t * in * out;
}

}  // namespace polytask
