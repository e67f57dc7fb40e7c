#pragma once
#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>

namespace polytask {

/// Reads an IDX file (MNIST's format), plain or gzip (told by its first bytes, not its name): uint8, int8, int16,
/// int32, float or double, any number of dimensions. Throws InputError for a truncated file or stream, a wrong magic
/// number, a size that does not fit the header.
at::Tensor read_idx(const std::filesystem::path& path);
/// The same for the (inflated) bytes of a file; `name` stands in messages.
at::Tensor parse_idx(const std::string& bytes, const std::string& name);
/// Writes a uint8 tensor as plain IDX (fixtures, `data make`).
void write_idx(const std::filesystem::path& path, const at::Tensor& values);

}  // namespace polytask
