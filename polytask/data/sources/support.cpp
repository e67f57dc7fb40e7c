#include <polytask/core/error.h>
#include <polytask/core/random.h>
#include <polytask/data/sources/support.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <fstream>

namespace polytask {

at::Tensor gather_rows(const at::Tensor& data, c10::ArrayRef<int64_t> rows) {
  std::vector<int64_t> sizes = data.sizes().vec();
  const int64_t available = sizes.at(0);
  sizes[0] = static_cast<int64_t>(rows.size());
  at::Tensor result = at::empty(sizes, data.options());
  const size_t row_bytes =
      static_cast<size_t>(data.numel() / std::max<int64_t>(available, 1)) * static_cast<size_t>(data.element_size());
  const char* from = static_cast<const char*>(data.data_ptr());
  char* to = static_cast<char*>(result.data_ptr());
  for (const int64_t row : rows) {
    if (row < 0 || row >= available) throw InputError("row {} does not exist: there are {}", row, available);
    std::memcpy(to, from + static_cast<size_t>(row) * row_bytes, row_bytes);
    to += row_bytes;
  }
  return result;
}

std::string file_digest(const std::filesystem::path& path) {
  constexpr std::streamoff kWindow = 64 * 1024;
  std::error_code failure;
  const auto size = static_cast<std::streamoff>(std::filesystem::file_size(path, failure));
  std::ifstream file(path, std::ios::binary);
  if (failure || !file) return "missing";
  std::string window(static_cast<size_t>(std::min(size, kWindow)), '\0');
  file.read(window.data(), static_cast<std::streamsize>(window.size()));
  uint64_t hash = hash_text(window);
  if (size > kWindow) {
    file.seekg(size - static_cast<std::streamoff>(window.size()));
    file.read(window.data(), static_cast<std::streamsize>(window.size()));
    hash = hash_text(window, hash);
  }
  return fmt::format("{} bytes, fnv {:016x}", size, hash);
}

std::string files_digest(const std::vector<std::filesystem::path>& paths) {
  uint64_t hash = hash_text("");
  for (const auto& path : paths) {
    std::error_code failure;
    const auto bytes = std::filesystem::file_size(path, failure);
    hash = hash_text(fmt::format("{} {}\n", path.filename().string(), failure ? 0 : bytes), hash);
  }
  return fmt::format("{} files, names and sizes fnv {:016x}", paths.size(), hash);
}

void require_expected_shape(const OpenRequest& request, const InputSpec& spec, const std::string& file) {
  const InputSpec* expected = request.expected(spec.name);
  if (expected == nullptr || expected->shape == spec.shape) return;
  throw InputError("{}: a sample is {}, but the model was trained on {}", file, shape_text(spec.shape),
                   shape_text(expected->shape));
}

std::string shape_text(c10::ArrayRef<int64_t> shape) { return fmt::format("{}", fmt::join(shape, " × ")); }

}  // namespace polytask
