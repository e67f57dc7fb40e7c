#include <polytask/core/error.h>
#include <polytask/data/sources/array_layout.h>
#include <polytask/data/sources/support.h>

#include <ATen/ATen.h>

namespace polytask {

at::Tensor arrange(const at::Tensor& stack, const ArrayLayout& layout, const std::string& file) {
  at::Tensor ordered = stack;
  if (stack.dim() == 3) {
    ordered = stack.unsqueeze(1);
  } else if (stack.dim() == 4 && layout.channels_last) {
    ordered = stack.permute({0, 3, 1, 2});
  } else if (stack.dim() != 2 && stack.dim() != 4) {
    throw InputError("{}: samples are {}; expected features [F], or images [H, W] or [channels, H, W]", file,
                     stack.dim() > 1 ? shape_text(stack.sizes().slice(1)) : "single numbers");
  }
  const int64_t channels = ordered.size(1);
  for (const int64_t channel : layout.inputs)
    if (channel < 0 || channel >= channels)
      throw InputError("data.inputs: there is no channel {}: {} has {}, 0 to {}", channel, file, channels,
                       channels - 1);
  if (!layout.inputs.empty()) ordered = ordered.index_select(1, at::tensor(layout.inputs, at::kLong));
  if (ordered.dim() == 2) return ordered.to(at::kDouble).contiguous();
  return (ordered.scalar_type() == at::kByte ? ordered : ordered.to(at::kFloat)).contiguous();
}

}  // namespace polytask
