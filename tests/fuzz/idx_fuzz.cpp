#include <polytask/core/error.h>
#include <polytask/io/gzip.h>
#include <polytask/io/idx.h>

#include <cstddef>
#include <cstdint>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const std::string bytes(reinterpret_cast<const char*>(data), size);
    polytask::parse_idx(polytask::inflate_if_gzip(bytes, "fuzz.idx.gz"), "fuzz.idx");
  } catch (const polytask::InputError&) {
  }
  return 0;
}
