#pragma once
#include <ATen/core/Tensor.h>

#include <filesystem>
#include <vector>

namespace polytask {

/// Reads a PNG, JPEG, TIFF, … as [channels, height, width] (uint8 or, from 16-bit files, float32 scaled to 0…255).
/// `channels` 1 or 3 (RGB). `size` {height, width} resizes (area when smaller, bilinear when larger); {} keeps the
/// file's. Throws InputError naming the file where it is missing, truncated or no image.
at::Tensor read_image(const std::filesystem::path& path, int64_t channels, const std::vector<int64_t>& size = {});
/// Writes uint8 [1|3, height, width] as PNG, atomically.
void write_png(const std::filesystem::path& path, const at::Tensor& image);

}  // namespace polytask
