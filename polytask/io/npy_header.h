#pragma once
#include <polytask/io/bytes.h>

#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

/// What stands before the data of a `.npy` file.
struct NpyHeader {
  std::string type;            ///< numpy's type string, for example "<f4"
  bool fortran_order = false;  ///< the first index runs fastest
  std::vector<int64_t> shape;
  int64_t data_offset = 0;
};

/// Throws InputError naming what is wrong with the magic, the version or the dictionary.
NpyHeader read_npy_header(const ByteSource& source);

/// Magic, version 1.0 and dictionary, padded so that the data starts at a multiple of 64.
std::string npy_header_text(const std::string& type, const std::vector<int64_t>& shape);

}  // namespace polytask
