#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace polytask {

/// Whether `text` is `pattern`, where `*` stands for anything.
bool name_matches(const std::string& pattern, const std::string& text);

/// Whether a pattern names a scene: holds `<scene>`.
bool names_scene(const std::string& pattern);

/// The names for which `pattern` (a path with `<scene>`, and `*` for anything within a name) has a file below `root`,
/// sorted; where `<scene>` could be cut in several ways, the shortest. A pattern without `<scene>` is one scene, named
/// by the file.
std::vector<std::string> find_scenes(const std::filesystem::path& root, const std::string& pattern);

/// The files of a scene that match, sorted; empty where there is none.
std::vector<std::filesystem::path> scene_files(const std::filesystem::path& root, const std::string& pattern,
                                               const std::string& scene);

}  // namespace polytask
