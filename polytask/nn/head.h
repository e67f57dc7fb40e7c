#pragma once
#include <polytask/core/registry.h>
#include <polytask/nn/backbone.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// The task-specific end of a model: representations → raw output [B, outputs]; of a dense head [B, outputs, H, W],
/// with the input's height and width.
class Head : public torch::nn::Module {
 public:
  virtual at::Tensor forward(const Features& features) = 0;
  /// Whether the output is a map.
  virtual bool dense() const { return false; }
  /// For a dense head: the cells of every level that output pixel `pixel` depends on along an axis, in the order of the
  /// levels; none for a level that is not read. Empty where that depends on the image's size, and for other heads.
  virtual std::vector<std::optional<CellSpan>> cells(int64_t pixel) const {
    (void)pixel;
    return {};
  }
};

/// What a head is built for.
struct HeadContext {
  std::string task;
  std::vector<Level> levels;  ///< what it will be fed
  int64_t outputs = 1;        ///< width of the output, as the task type asks
  std::string where;          ///< place for messages
};

/// Creation throws InputError where the levels cannot feed the head (unknown level, spatial where a vector is needed
/// …).
using HeadRegistry = Registry<Head, const HeadContext&>;
HeadRegistry& heads();

/// Index of the level that `name` names ("" = the last). Throws InputError listing the levels there are.
size_t find_level(const HeadContext& context, const std::string& name);

}  // namespace polytask
