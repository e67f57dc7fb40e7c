#pragma once
#include <polytask/config/yaml.h>
#include <polytask/core/error.h>
#include <polytask/data/source.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

namespace polytask {

inline void write_text(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

/// Opens the source that a `data` section describes.
inline std::unique_ptr<Source> open_source(const std::string& yaml, const OpenRequest& request = {}) {
  return sources().create(parse_yaml(yaml, "data.yaml"), request);
}

/// The message of the InputError that `act` throws, "" where it throws nothing.
template <class Act>
std::string input_error(Act act) {
  try {
    act();
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

inline std::string open_error(const std::string& yaml, const OpenRequest& request = {}) {
  return input_error([&] { open_source(yaml, request); });
}

inline std::vector<int64_t> first_rows(int64_t n) {
  std::vector<int64_t> rows(static_cast<size_t>(n));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

inline at::Tensor flags(const std::vector<int64_t>& values) { return at::tensor(values, at::kLong).to(at::kBool); }

inline std::vector<double> doubles(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.to(at::kDouble).contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

}  // namespace polytask
