#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace polytask {

/// Writes TensorBoard event files (record framing with masked CRC-32C; protocol buffers by hand, scalars and texts).
class EventFile {
 public:
  /// Creates `directory/events.out.tfevents.<seconds>.<host>` (a suffix where that exists).
  explicit EventFile(const std::filesystem::path& directory);
  ~EventFile();
  void add_scalar(const std::string& tag, double value, int64_t step);
  void add_text(const std::string& tag, const std::string& text, int64_t step);
  void flush();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// CRC-32C (Castagnoli), and TensorBoard's masked form of it.
uint32_t crc32c(const void* data, size_t size);
uint32_t masked_crc32c(const void* data, size_t size);

}  // namespace polytask
