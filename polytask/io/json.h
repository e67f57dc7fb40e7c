#pragma once
#include <polytask/core/node.h>

#include <filesystem>
#include <string>
#include <vector>

namespace polytask {

/// JSON text to a tree (strings become quoted scalars). `name` stands in messages and places. Throws InputError with
/// line and column where the text is no JSON.
Node parse_json(const std::string& text, const std::string& name);
Node read_json_file(const std::filesystem::path& path);
/// One document a line; blank lines are passed over.
std::vector<Node> read_json_lines(const std::filesystem::path& path);

/// The tree as JSON. Plain scalars that are numbers, true, false or null are written bare (NaN and infinities as the
/// strings "NaN", "Infinity", "-Infinity"), everything else as strings. `indent` < 0: one line.
std::string write_json(const Node& node, int indent = -1);

}  // namespace polytask
