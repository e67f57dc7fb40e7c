#pragma once
#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>
#include <vector>

namespace polytask {

/// The content of a `.npy` file: numbers, or texts (numpy's `<U` and `|S`).
struct NpyArray {
  at::Tensor values;               ///< undefined where the file holds texts
  std::vector<std::string> texts;  ///< UTF-8, row-major
  std::vector<int64_t> shape;
};

/// Versions 1.0 to 3.0; C and Fortran order; bool, (u)int8, int16/32/64, uint16/32 (widened), float16/32/64; either
/// byte order. Throws InputError naming what is wrong (magic, header, type, truncated data, trailing bytes).
NpyArray read_npy(const std::filesystem::path& path);
/// The same for the bytes of a file; `name` stands in messages.
NpyArray parse_npy(const std::string& bytes, const std::string& name);
/// A numeric tensor in version 1.0, C order; atomic.
void write_npy(const std::filesystem::path& path, const at::Tensor& values);

}  // namespace polytask
