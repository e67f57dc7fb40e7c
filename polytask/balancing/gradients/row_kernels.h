#pragma once
#include <polytask/solvers/matrix.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace polytask {

/// Adds A Bᵀ of two sets of R rows to `gram` [R, R]: gram(i, j) += Σ_c a_i[c]·b_j[c], for products that are symmetric
/// (only i ≤ j is computed). Every row is a contiguous tensor of the same number of elements, float32 or float64.
/// Reads memory once, in tiles that stay in the nearest cache; float32 sums are carried to float64 after each tile.
void add_inner_products(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b, Matrix& gram);

/// out += Σ_r w_r · row_r (out = … with `overwrite`), reading each row once. `out` and the rows: contiguous, same dtype
/// and number of elements.
void add_weighted_rows(const std::vector<at::Tensor>& rows, const std::vector<double>& w, const at::Tensor& out,
                       bool overwrite = false);

}  // namespace polytask
