#include <polytask/core/error.h>
#include <polytask/objectives/tasks/dense_data.h>

#include <fmt/ranges.h>

namespace polytask {

void check_map_shapes(const std::string& task, const at::Tensor& output, int64_t channels, const at::Tensor& target,
                      const at::Tensor& valid) {
  if (output.dim() != 4)
    throw InputError(
        "task \"{}\" has a label per pixel, but its head gives an output of shape [{}]; a head such as unet_decoder "
        "gives "
        "maps",
        task, fmt::join(output.sizes(), ", "));
  const bool fits = target.dim() >= 3 && target.size(0) == output.size(0) && target.size(-2) == output.size(2) &&
                    target.size(-1) == output.size(3) && output.size(1) == channels;
  if (!fits)
    throw InputError("task \"{}\": output of shape [{}] for {} channels and targets of shape [{}]", task,
                     fmt::join(output.sizes(), ", "), channels, fmt::join(target.sizes(), ", "));
  if (valid.defined() && valid.sizes() != target.sizes())
    throw InputError("task \"{}\": mask of shape [{}] for targets of shape [{}]", task, fmt::join(valid.sizes(), ", "),
                     fmt::join(target.sizes(), ", "));
}

at::Tensor pixels_of(const at::Tensor& maps) { return maps.permute({0, 2, 3, 1}).reshape({-1, maps.size(1)}); }

}  // namespace polytask
