#pragma once
#include <polytask/data/source.h>

#include <ATen/core/Tensor.h>
#include <c10/util/ArrayRef.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

/// The rows of a contiguous CPU tensor [N, …] as a new one [B, …], by plain copies (no thread pool, any worker may
/// call). Throws InputError for a row that does not exist.
at::Tensor gather_rows(const at::Tensor& data, c10::ArrayRef<int64_t> rows);

/// A file's size and the 64-bit FNV-1a hash of its first and last 64 KiB, as text; "missing" where it cannot be read.
std::string file_digest(const std::filesystem::path& path);

/// The number of files, and a hash of their names and sizes: for folders of many.
std::string files_digest(const std::vector<std::filesystem::path>& paths);

/// Throws InputError where a run expects (`request.specs`) another shape of the input than the files have.
void require_expected_shape(const OpenRequest& request, const InputSpec& spec, const std::string& file);

/// [2, 3] as "2 × 3".
std::string shape_text(c10::ArrayRef<int64_t> shape);

}  // namespace polytask
