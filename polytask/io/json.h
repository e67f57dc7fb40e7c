#pragma once
#include <polytask/core/node.h>

#include <filesystem>
#include <string>
#include <vector>

namespace polytask {

/// JSON text to a tree with places and key paths (strings become quoted scalars). `name` stands in messages and places.
/// Throws InputError with line and column where the text is no JSON, has a key twice or nests more than 200 deep.
Node parse_json(const std::string& text, const std::string& name);
Node read_json_file(const std::filesystem::path& path);
/// One document a line; blank lines are passed over.
std::vector<Node> read_json_lines(const std::filesystem::path& path);

/// The tree as JSON. Plain scalars that are numbers, true, false or null are written bare (NaN and infinities as the
/// strings "NaN", "Infinity", "-Infinity"), everything else as strings (bytes that are no UTF-8 as U+FFFD).
/// `indent` < 0: one line.
std::string write_json(const Node& node, int indent = -1);

/// A number as `write_json` writes it: also the strings "NaN", "Infinity" and "-Infinity". Throws InputError naming the
/// place where the value is none.
double json_number(const Node& node);

}  // namespace polytask
