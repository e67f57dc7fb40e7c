#pragma once
#include <polytask/core/node.h>

#include <filesystem>
#include <string>
#include <vector>

namespace polytask {

/// The deepest nesting of maps and lists that is read; deeper text is an InputError.
constexpr size_t kMaxYamlDepth = 64;

/// YAML 1.2 text to a tree with places and key paths. Unlike yaml-cpp alone it refuses duplicate keys, and leaves
/// typing to the options (so `yes` and `017` are texts). Aliases are expanded. A map's value has the place of its key.
/// Refused, as InputError with file:line: anything malformed, tags other than `!!str`, a second document, keys that are
/// no texts, text that is not UTF-8, nesting deeper than kMaxYamlDepth, more than 100000 values (aliases count what
/// they stand for).
Node parse_yaml(const std::string& text, const std::string& name);
Node read_yaml_file(const std::filesystem::path& path);

/// The tree as YAML: block maps, flow lists of scalars; texts quoted where they would read as something else. What it
/// writes, `parse_yaml` reads back equal.
std::string write_yaml(const Node& node);

/// Applies "a.b.c=value" (value is YAML; lists as [1,2], maps as {k: v}); missing maps on the way are created; `a.b[0]`
/// or `a.b.0` names a list's item. Places of overridden values are "command line". InputError where there is no "=" or
/// the path goes through a scalar.
void apply_override(Node& root, const std::string& assignment);

/// Fills every node's key path from the root down.
void set_paths(Node& root, const std::string& path = "");

}  // namespace polytask
