#pragma once
#include <filesystem>
#include <string>
#include <string_view>

namespace polytask {

/// Whether bytes begin as gzip does.
bool is_gzip(std::string_view bytes);

/// The whole content of a file, inflated where it is gzip. Throws InputError for a truncated or corrupt stream.
std::string read_maybe_gzip(const std::filesystem::path& path);

/// The same for bytes in memory; `name` stands in messages.
std::string inflate_if_gzip(std::string bytes, const std::string& name);

}  // namespace polytask
