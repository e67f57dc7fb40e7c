#pragma once
#include <polytask/core/tensors.h>

#include <filesystem>
#include <map>
#include <string>

namespace polytask {

/// The content of a safetensors file.
struct Safetensors {
  NamedTensors tensors;  ///< on the CPU, contiguous
  std::map<std::string, std::string> metadata;
};

/// Reads F64, F32, F16, BF16, I64, I32, I16, I8, U8 and BOOL tensors. Throws InputError naming file, tensor and
/// expectation for anything that is not a complete, consistent file (truncated, overlapping offsets, wrong byte
/// counts).
Safetensors read_safetensors(const std::filesystem::path& path);
/// The same for the bytes of a file; `name` stands in messages.
Safetensors parse_safetensors(const std::string& bytes, const std::string& name);
/// The metadata alone, without reading a tensor.
std::map<std::string, std::string> read_safetensors_metadata(const std::filesystem::path& path);

/// Writes atomically (see atomic_file.h); tensors of any device and layout are written as contiguous CPU data.
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace polytask
