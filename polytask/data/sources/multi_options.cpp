#include <polytask/core/error.h>
#include <polytask/data/sources/multi.h>
#include <polytask/data/split.h>

#include <algorithm>
#include <cctype>

namespace polytask {
namespace {

void check_name(const std::string& name, const Node& section) {
  const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-';
  });
  if (!plain)
    throw InputError("{}: \"{}\" is no name of a data set: letters, digits, _ and - make one", section.where(), name);
}

// A data set's section without its split.
Node source_section(const Node& section) {
  Node source = section;
  source.erase("split");
  return source;
}

Node resolve_child(const std::string& name, const Node& section) {
  check_name(name, section);
  if (!section.is_map())
    throw InputError("{}: expected a source with its options, for example {{source: table, path: trips.csv}}",
                     section.where());
  Node resolved = sources().resolve(source_section(section));
  const Node* split = section.find("split");
  if (split != nullptr && !split->is_null()) resolved.set("split", write_options(read_options<SplitOptions>(*split)));
  return resolved;
}

Node resolve_children(const Node& children) {
  if (!children.is_map() || children.entries().empty())
    throw InputError("{}: expected data sets by name, for example {{digits: {{source: idx, root: data}}}}",
                     children.where());
  Node resolved = Node::map_of();
  resolved.place = children.place;
  resolved.path = children.path;
  for (const auto& [name, section] : children.entries()) resolved.set(name, resolve_child(name, section));
  return resolved;
}

}  // namespace

void MultiOptions::fields(Fields& f) {
  f.field(
      "sources", sources,
      "the data sets by name, each a source with its options: {digits: {source: idx, …}, trips: {source: table, …}}; "
      "a `split` among them takes the place of the common one for that data set",
      required());
  if (!sources.is_null()) sources = resolve_children(sources);
}

}  // namespace polytask
