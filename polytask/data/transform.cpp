#include <polytask/data/transform.h>
#include <polytask/data/transforms/transforms.h>

namespace polytask {

TransformRegistry& transforms() {
  static TransformRegistry registry = [] {
    TransformRegistry all("transform");
    register_shift(all);
    register_flip(all);
    register_quarter_turns(all);
    register_rotate(all);
    register_noise(all);
    register_brightness_contrast(all);
    register_erase(all);
    return all;
  }();
  return registry;
}

std::vector<std::unique_ptr<Transform>> create_transforms(const std::vector<Node>& list) {
  std::vector<std::unique_ptr<Transform>> result;
  result.reserve(list.size());
  for (const auto& node : list) result.push_back(transforms().create(node));
  return result;
}

}  // namespace polytask
