#pragma once
#include <cstdint>
#include <cstring>

namespace polytask {

/// Bins of equal relative width for floats ≥ 0: the bits of such a float, read as an integer, grow with its value, and
/// dropping the lowest `shift` of them rounds it down to 23 − shift bits of mantissa.
inline uint32_t float_bin(float value, int shift) {
  uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return bits >> shift;
}

/// The lower edge of a bin.
inline float bin_edge(uint32_t bin, int shift) {
  const uint32_t bits = bin << shift;
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace polytask
