#pragma once
#include <filesystem>
#include <string>

namespace polytask {

/// The whole content of a file, inflated where it is gzip. Throws InputError for a truncated or corrupt stream.
std::string read_maybe_gzip(const std::filesystem::path& path);

}  // namespace polytask
