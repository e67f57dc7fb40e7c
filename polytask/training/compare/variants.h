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

/// Overrides of the configuration that take part as a whole.
struct Setting {
  std::string label;                   ///< "" where the file is taken as it is
  std::vector<std::string> overrides;  ///< "couplings.allometry.weight=0"
};

/// The settings of a map from names to lists of overrides; a single one without a name where there are none. InputError
/// for anything else.
std::vector<Setting> listed_settings(const Node& listed);

/// The `model` section `file` with another sharing architecture: those of its keys that this one knows.
Node with_architecture(const Node& file, const std::string& name);

}  // namespace polytask
