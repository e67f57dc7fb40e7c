#pragma once
#include <filesystem>
#include <functional>
#include <ostream>
#include <string>

namespace polytask {

/// Writes a file so that a reader, or a crash at any moment, sees the old content or the new, never half of it: the
/// content goes to a file beside it, is flushed to the disk and renamed. Throws InputError (with the system's reason:
/// no space, no permission, …) and removes what it began; an existing file stays as it was.
void write_file_atomically(const std::filesystem::path& path, const std::function<void(std::ostream&)>& write);
void write_file_atomically(const std::filesystem::path& path, const std::string& content);

/// The whole content. Throws InputError where the file is missing, a directory or unreadable.
std::string read_file(const std::filesystem::path& path);

/// Creates a directory and its parents; InputError where that fails.
void make_directory(const std::filesystem::path& path);

}  // namespace polytask
