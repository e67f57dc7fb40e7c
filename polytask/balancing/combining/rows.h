#pragma once
#include <polytask/balancing/gradient_combiner.h>
#include <polytask/solvers/matrix.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

/// Columns that are worked on at a time where an operation needs temporaries.
constexpr int64_t kColumnChunk = 16384;

/// WorkError unless there are at least `batches` samples of [R, P] with R ≥ 1.
void check_rows(const std::string& method, const GradientRows& rows, size_t batches);

/// A method's [T, P] state: zeros at its first use, in the dtype and on the device of the rows. WorkError where it has
/// another shape (a state loaded from another model).
void prepare_state(const std::string& method, const std::string& name, const GradientRows& rows, at::Tensor& state);

/// The rows of `tasks` in a [T, P] state, as views.
std::vector<at::Tensor> state_rows(const at::Tensor& state, const std::vector<int64_t>& tasks);
/// All rows of [R, P], as views.
std::vector<at::Tensor> each_row(const at::Tensor& rows);

double row_norm(const at::Tensor& row);
/// A Bᵀ of [R, P] and [R, P]: a block of the symmetric products of all 2R rows, which a fast kernel gives.
Matrix row_products(const at::Tensor& a, const at::Tensor& b);
/// Σ_r w_r · row_r, [P].
at::Tensor weighted_rows(const std::vector<at::Tensor>& rows, const std::vector<double>& w);
/// ⟨row_r, vector⟩ for every row of [R, P].
std::vector<double> row_dots(const at::Tensor& rows, const at::Tensor& vector);

/// Vectors and counters as tensors of a state, and back.
at::Tensor to_tensor(const std::vector<double>& values);
std::vector<double> to_vector(const at::Tensor& values);
at::Tensor to_tensor(int64_t value);
/// The entry of a saved state. WorkError where it lacks it.
const at::Tensor& saved(const NamedTensors& state, const std::string& method, const std::string& name);

}  // namespace polytask
