#pragma once
#include <polytask/core/registry.h>

#include <string>
#include <vector>

namespace polytask {

/// One registry, or one section of the configuration, as documentation.
struct ReferenceSection {
  std::string topic;  ///< for `polytask list TOPIC`: tasks, losses, metrics, backbones, heads, sharing, couplings,
                      ///< balancing, data, training
  std::string title;  ///< "Backbones (`model.backbone.type`)"
  std::vector<RegistryInfo> members;
};

/// Everything that is registered and every section of the configuration, in the order of the documentation.
std::vector<ReferenceSection> reference();
std::vector<std::string> reference_topics();

/// For the terminal: names and summaries; with `options`, every option too.
std::string reference_text(const std::vector<ReferenceSection>& sections, bool options);
/// The reference documentation (docs/reference.md).
std::string reference_markdown(const std::vector<ReferenceSection>& sections);

}  // namespace polytask
