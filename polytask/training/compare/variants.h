#pragma once
#include <polytask/core/node.h>

#include <string>
#include <vector>

namespace polytask {

/// A method or an architecture that takes part in a comparison.
struct Variant {
  std::string label;  ///< "cagrad", "cagrad(c=0.2)"
  Node section;       ///< the `balancing` or `model` section it stands for
};

/// The balancing methods to compare: `names` where given (each with every entry of `listed` of that name), else the
/// entries of `listed`, else the method of `file` (the file's `balancing`); `equal` comes first. InputError for unknown
/// names, entries that are neither names nor maps, and two with the same label.
std::vector<Variant> method_variants(const Node& listed, const std::vector<std::string>& names, const Node& file);

/// The same for sharing architectures, from the file's `model`.
std::vector<Variant> architecture_variants(const Node& listed, const std::vector<std::string>& names, const Node& file);

/// The `model` section `file` with another sharing architecture: those of its keys that this one knows.
Node with_architecture(const Node& file, const std::string& name);

}  // namespace polytask
