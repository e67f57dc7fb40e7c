#include <polytask/core/random.h>
#include <polytask/data/sources/implants_bone.h>
#include <polytask/data/sources/implants_catalog.h>
#include <polytask/data/sources/implants_render.h>
#include <polytask/data/sources/implants_shape.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace polytask {
namespace {

constexpr int kSupersampling = 3;  // per axis
constexpr float kMetal = 244;      // grey value behind much metal

// How the implant lies in the picture: the platform's place and the axis' direction.
struct Pose {
  double platform_x, platform_y;  // mm
  double cos, sin;                // of the tilt
  float u(float x_mm, float y_mm) const {
    return static_cast<float>((x_mm - platform_x) * sin + (y_mm - platform_y) * cos);
  }
  float v(float x_mm, float y_mm) const {
    return static_cast<float>((x_mm - platform_x) * cos - (y_mm - platform_y) * sin);
  }
};

Pose draw_pose(const ImplantLabels& labels, const ImplantPicture& picture, Random& random) {
  const double field = static_cast<double>(picture.size) * picture.mm_per_px;
  const double tilt = random.uniform(-1, 1) * picture.rotation_deg * M_PI / 180;
  Pose pose{};
  pose.cos = std::cos(tilt);
  pose.sin = std::sin(tilt);
  const double room = std::max(0.0, (field - labels.length_mm) / 2 - 0.7);
  const double x = field / 2 + random.uniform(-1, 1) * 1.6;
  const double y = field / 2 + random.uniform(-1, 1) * std::min(room, 1.6);
  pose.platform_x = x - pose.sin * labels.length_mm / 2;
  pose.platform_y = y - pose.cos * labels.length_mm / 2;
  return pose;
}

float pixel_attenuation(const ImplantShape& shape, const Pose& pose, float x_px, float y_px, float mm_per_px) {
  float sum = 0;
  for (int j = 0; j < kSupersampling; ++j) {
    for (int i = 0; i < kSupersampling; ++i) {
      const float x = (x_px + (static_cast<float>(i) + 0.5F) / kSupersampling) * mm_per_px;
      const float y = (y_px + (static_cast<float>(j) + 0.5F) / kSupersampling) * mm_per_px;
      sum += shape.attenuation(pose.u(x, y), pose.v(x, y));
    }
  }
  return sum / (kSupersampling * kSupersampling);
}

void add_metal(const ImplantShape& shape, const Pose& pose, const ImplantPicture& picture, std::vector<float>& image) {
  const auto scale = static_cast<float>(picture.mm_per_px);
  const float reach = shape.half_width_mm() + scale;
  for (int64_t y = 0; y < picture.size; ++y) {
    for (int64_t x = 0; x < picture.size; ++x) {
      const float x_mm = (static_cast<float>(x) + 0.5F) * scale, y_mm = (static_cast<float>(y) + 0.5F) * scale;
      const float u = pose.u(x_mm, y_mm);
      if (std::abs(pose.v(x_mm, y_mm)) > reach || u < shape.top_mm() - scale || u > shape.bottom_mm() + scale) continue;
      const float taken = pixel_attenuation(shape, pose, static_cast<float>(x), static_cast<float>(y), scale);
      float& value = image[static_cast<size_t>(y * picture.size + x)];
      value += taken * (kMetal - value);
    }
  }
}

// Separable Gaussian blur; the border repeats.
void blur(std::vector<float>& image, int64_t size, double std_px) {
  if (std_px <= 0) return;
  const auto reach = static_cast<int64_t>(std::ceil(2.5 * std_px));
  std::vector<float> kernel;
  float sum = 0;
  for (int64_t k = -reach; k <= reach; ++k)
    sum += kernel.emplace_back(static_cast<float>(std::exp(-0.5 * static_cast<double>(k * k) / (std_px * std_px))));
  for (auto& weight : kernel) weight /= sum;
  std::vector<float> padded(static_cast<size_t>(size + 2 * reach));
  // Twice: along the rows into the transposed picture, and back.
  for (int pass = 0; pass < 2; ++pass) {
    std::vector<float> turned(image.size());
    for (int64_t y = 0; y < size; ++y) {
      const float* row = &image[static_cast<size_t>(y * size)];
      for (int64_t x = -reach; x < size + reach; ++x)
        padded[static_cast<size_t>(x + reach)] = row[std::clamp<int64_t>(x, 0, size - 1)];
      for (int64_t x = 0; x < size; ++x) {
        float value = 0;
        for (size_t k = 0; k < kernel.size(); ++k) value += kernel[k] * padded[static_cast<size_t>(x) + k];
        turned[static_cast<size_t>(x * size + y)] = value;
      }
    }
    image = std::move(turned);
  }
}

// Nearly normal, mean 0 and standard deviation 1: four 16-bit uniforms from one draw.
float grain(Random& random) {
  const uint64_t bits = random.bits();
  const auto sum =
      static_cast<int64_t>((bits & 0xffff) + ((bits >> 16) & 0xffff) + ((bits >> 32) & 0xffff) + (bits >> 48));
  return static_cast<float>(sum - 2 * 65535) * static_cast<float>(1.7320508 / 65536);
}

void expose(const std::vector<float>& image, double noise, Random& random, uint8_t* out) {
  const auto gain = static_cast<float>(random.uniform(0.88, 1.06));
  const auto offset = static_cast<float>(random.uniform(-6, 12));
  for (size_t i = 0; i < image.size(); ++i) {
    const float value = gain * image[i] + offset + static_cast<float>(noise) * grain(random);
    out[i] = static_cast<uint8_t>(std::clamp(value + 0.5F, 0.0F, 255.0F));
  }
}

double pick(const std::vector<double>& values, Random& random) {
  return values[static_cast<size_t>(random.below(static_cast<int64_t>(values.size())))];
}

}  // namespace

ImplantLabels draw_implant(uint64_t seed, int64_t index) {
  Random random(seed, fmt::format("implants/labels/{}", index));
  const auto& catalog = implant_catalog();
  ImplantLabels labels;
  labels.model = random.below(static_cast<int64_t>(catalog.size()));
  const ImplantModel& model = catalog[static_cast<size_t>(labels.model)];
  labels.diameter_mm = pick(model.diameters_mm, random);
  labels.length_mm = pick(model.lengths_mm, random);
  return labels;
}

void render_implant(const ImplantLabels& labels, const ImplantPicture& picture, uint64_t seed, int64_t index,
                    uint8_t* out) {
  Random random(seed, fmt::format("implants/picture/{}", index));
  const ImplantModel& model = implant_catalog()[static_cast<size_t>(labels.model)];
  const ImplantShape shape(model, labels.diameter_mm, labels.length_mm, random);
  const Pose pose = draw_pose(labels, picture, random);
  std::vector<float> image(static_cast<size_t>(picture.size * picture.size));
  paint_bone(random, {pose.platform_x, pose.platform_y, labels.diameter_mm / 2}, picture.size, picture.mm_per_px,
             image);
  add_metal(shape, pose, picture, image);
  blur(image, picture.size, picture.blur_px);
  expose(image, picture.noise, random, out);
}

}  // namespace polytask
