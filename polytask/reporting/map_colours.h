#pragma once
#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <string>

namespace polytask {

using Colour = std::array<uint8_t, 3>;

/// Numbers [H, W] as a picture uint8 [3, H, W] on a scale from dark blue over green to yellow, whose lightness grows
/// with the value; values beyond `low` and `high` get the ends' colours, NaN light grey.
at::Tensor coloured_numbers(const at::Tensor& values, double low, double high);
/// Class indices [H, W] (float, NaN: none) likewise, a colour of class_colour() each.
at::Tensor coloured_classes(const at::Tensor& classes);
/// A colour of its own for every class; the first eight are told apart by the colour-blind too (Okabe and Ito 2008).
Colour class_colour(int64_t index);
/// "#e69f00"
std::string hex(const Colour& colour);
/// The colours of coloured_numbers() from low to high as a CSS gradient.
std::string scale_gradient();

}  // namespace polytask
