#include <polytask/reporting/map_colours.h>

#include <fmt/format.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace polytask {
namespace {

const std::vector<Colour>& anchors() {
  static const std::vector<Colour> colours = {{24, 28, 84},   {38, 72, 134},  {30, 118, 140},
                                              {44, 158, 120}, {130, 196, 78}, {250, 228, 40}};
  return colours;
}

constexpr Colour kMissing = {225, 225, 225};

// [n, 3] colours by index [H, W] → [3, H, W]; `missing` [H, W] grey.
at::Tensor picture(const std::vector<Colour>& colours, const at::Tensor& index, const at::Tensor& missing) {
  at::Tensor table = at::empty({static_cast<int64_t>(colours.size()), 3}, at::kByte);
  for (size_t i = 0; i < colours.size(); ++i)
    for (size_t c = 0; c < 3; ++c) table[static_cast<int64_t>(i)][static_cast<int64_t>(c)] = colours[i][c];
  const at::Tensor grey = at::full({}, kMissing[0], at::kByte);
  return at::where(missing.unsqueeze(0), grey, table.index({index}).permute({2, 0, 1})).contiguous();
}

// Between the anchors, `share` in [0, 1].
Colour scale_colour(double share) {
  const double at = share * static_cast<double>(anchors().size() - 1);
  const auto first = std::min(static_cast<size_t>(at), anchors().size() - 2);
  const double into = at - static_cast<double>(first);
  Colour colour{};
  for (size_t c = 0; c < 3; ++c)
    colour[c] = static_cast<uint8_t>(std::lround((1 - into) * anchors()[first][c] + into * anchors()[first + 1][c]));
  return colour;
}

}  // namespace

at::Tensor coloured_numbers(const at::Tensor& values, double low, double high) {
  constexpr int64_t kSteps = 256;
  static const std::vector<Colour> scale = [] {
    std::vector<Colour> colours;
    for (int64_t i = 0; i < kSteps; ++i) colours.push_back(scale_colour(static_cast<double>(i) / (kSteps - 1)));
    return colours;
  }();
  const double span = high > low ? high - low : 1;
  const at::Tensor share = ((values.to(at::kDouble) - low) / span).nan_to_num(0).clamp(0, 1);
  return picture(scale, (share * (kSteps - 1)).round().to(at::kLong), values.isnan());
}

at::Tensor coloured_classes(const at::Tensor& classes) {
  const at::Tensor index = classes.nan_to_num(0).to(at::kLong);
  std::vector<Colour> colours;
  for (int64_t c = 0; c <= index.max().item<int64_t>(); ++c) colours.push_back(class_colour(c));
  return picture(colours, index, classes.isnan());
}

Colour class_colour(int64_t index) {
  static const std::vector<Colour> first = {{0, 114, 178},  {230, 159, 0}, {0, 158, 115},  {204, 121, 167},
                                            {86, 180, 233}, {213, 94, 0},  {240, 228, 66}, {60, 60, 60}};
  if (index < static_cast<int64_t>(first.size())) return first[static_cast<size_t>(index)];
  // Hues a golden angle apart, so that neighbours differ.
  const double hue = std::fmod(static_cast<double>(index) * 0.618033988749895, 1.0) * 6;
  Colour colour{};
  for (size_t c = 0; c < 3; ++c) {
    const double k = std::fmod((c == 0 ? 5.0 : c == 1 ? 3.0 : 1.0) + hue, 6.0);
    colour[c] = static_cast<uint8_t>(std::lround(200 * (1 - 0.75 * std::max(0.0, std::min({k, 4 - k, 1.0})))));
  }
  return colour;
}

std::string hex(const Colour& colour) { return fmt::format("#{:02x}{:02x}{:02x}", colour[0], colour[1], colour[2]); }

std::string scale_gradient() {
  std::string stops;
  for (const auto& colour : anchors()) stops += ", " + hex(colour);
  return "linear-gradient(to right" + stops + ")";
}

}  // namespace polytask
