#pragma once
#include <polytask/data/transform.h>

namespace polytask {

// One per transform: adds it, with its options, to the registry. `transforms()` calls each.
void register_shift(TransformRegistry& registry);
void register_flip(TransformRegistry& registry);
void register_quarter_turns(TransformRegistry& registry);
void register_rotate(TransformRegistry& registry);
void register_noise(TransformRegistry& registry);
void register_brightness_contrast(TransformRegistry& registry);
void register_erase(TransformRegistry& registry);

}  // namespace polytask
