#include <polytask/data/sources/implants_bone.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace polytask {
namespace {

// 0 below −1, 1 above 1, smooth between.
float smooth_step(float x) {
  const float t = std::clamp(0.5F * x + 0.5F, 0.0F, 1.0F);
  return t * t * (3 - 2 * t);
}

// A bump of height 1 at 0, gone beyond ±1.
float bump(float x) {
  const float rest = 1 - x * x;
  return rest > 0 ? rest * rest : 0;
}

// Smoothly interpolated random values on a square lattice that repeats after 32 cells.
class ValueNoise {
 public:
  explicit ValueNoise(Random& random) {
    for (size_t i = 0; i < values_.size(); i += 4) {
      const uint64_t bits = random.bits();
      for (size_t k = 0; k < 4; ++k) values_[i + k] = static_cast<float>((bits >> (16 * k)) & 0xffff) / 65535.0F;
    }
  }
  /// 0…1; x and y in cells, not negative.
  float at(float x, float y) const {
    const auto ix = static_cast<uint32_t>(x), iy = static_cast<uint32_t>(y);
    const float fx = ease(x - static_cast<float>(ix)), fy = ease(y - static_cast<float>(iy));
    const float* upper = &values_[(iy & 31) * 32];
    const float* lower = &values_[((iy + 1) & 31) * 32];
    const uint32_t left = ix & 31, right = (ix + 1) & 31;
    const float a = upper[left] + fx * (upper[right] - upper[left]);
    const float b = lower[left] + fx * (lower[right] - lower[left]);
    return a + fy * (b - a);
  }

 private:
  static float ease(float t) { return t * t * (3 - 2 * t); }
  std::array<float, 1024> values_;
};

// Trabeculae: ridges of noise, stretched along a random direction.
class Trabeculae {
 public:
  explicit Trabeculae(Random& random) : noise_(random) {
    const double angle = random.uniform(0, M_PI);
    stretch_ = static_cast<float>(random.uniform(0.55, 0.9));
    cos_ = static_cast<float>(std::cos(angle));
    sin_ = static_cast<float>(std::sin(angle));
    cells_per_mm_ = static_cast<float>(random.uniform(0.7, 1.0));
  }
  /// About 0…1.
  float at(float x_mm, float y_mm) const {
    const float along = 300 + (cos_ * x_mm + sin_ * y_mm) * stretch_ * cells_per_mm_;
    const float across = 300 + (cos_ * y_mm - sin_ * x_mm) * cells_per_mm_;
    return 0.55F * ridge(along, across) + 0.3F * ridge(along * 2.1F, across * 2.1F) +
           0.15F * noise_.at(across * 0.31F, along * 0.31F);
  }

 private:
  float ridge(float x, float y) const { return 1 - std::abs(2 * noise_.at(x, y) - 1); }
  ValueNoise noise_;
  float stretch_, cos_, sin_, cells_per_mm_;
};

// A neighbouring tooth: dentine, the dark gap of its ligament, the bright line of its socket.
struct Root {
  float x, lean, top, apex, half_width, pulp;
  static Root draw(Random& random, double x, double crest) {
    Root root{};
    root.x = static_cast<float>(x);
    root.lean = static_cast<float>(random.uniform(-0.12, 0.12));
    root.top = static_cast<float>(crest - 6);
    root.apex = static_cast<float>(crest + random.uniform(7, 12));
    root.half_width = static_cast<float>(random.uniform(2.0, 3.0));
    root.pulp = static_cast<float>(random.uniform(0.25, 0.45));
    return root;
  }
  void paint(float x_mm, float y_mm, float in_bone, float& value) const {
    const float down = (y_mm - top) / (apex - top);
    if (down > 1.15F) return;
    const float off = std::abs(x_mm - x - lean * (y_mm - top));
    if (off > half_width + 1.2F) return;
    const float taper = down < 0 ? 1 : std::sqrt(std::max(0.0F, 1 - down * down * down));
    const float outside = down < 1 ? off - half_width * taper : std::hypot(off, (down - 1) * (apex - top));
    value += in_bone * (26 * bump((outside - 0.62F) / 0.34F) - 34 * bump((outside - 0.22F) / 0.34F));
    const float inside = smooth_step(-outside / 0.22F);
    const float dentine = 158 - 34 * bump(off / pulp) * smooth_step((0.8F - down) * 5);
    value += inside * (dentine - value);
  }
};

class Jaw {
 public:
  Jaw(Random& random, const ImplantPlace& place, double field_mm) : trabeculae_(random), place_(place) {
    loss_ = static_cast<float>(random.uniform(-0.6, 1.2));
    saucer_ = static_cast<float>(std::max(0.0, random.uniform(-0.8, 1.6)));
    slope_ = static_cast<float>(random.uniform(-0.12, 0.12));
    soft_ = static_cast<float>(random.uniform(24, 48));
    bone_ = static_cast<float>(random.uniform(78, 118));
    contrast_ = static_cast<float>(random.uniform(40, 70));
    shade_x_ = static_cast<float>(random.uniform(-1.2, 1.2));
    shade_y_ = static_cast<float>(random.uniform(-1.2, 0.8));
    has_canal_ = random.uniform() < 0.3;
    canal_y_ = static_cast<float>(random.uniform(0.82, 0.95) * field_mm);
    canal_slope_ = static_cast<float>(random.uniform(-0.1, 0.1));
    for (const double side : {-1.0, 1.0}) {
      const double x = place.platform_x_mm + side * (place.radius_mm + random.uniform(4.2, 7));
      const bool there = random.uniform() < 0.6;
      const Root root = Root::draw(random, x, place.platform_y_mm);
      if (there) roots_.push_back(root);
    }
  }

  float at(float x, float y) const {
    const float beside = x - static_cast<float>(place_.platform_x_mm);
    const float gap = std::max(0.0F, std::abs(beside) - static_cast<float>(place_.radius_mm));
    const float crest = static_cast<float>(place_.platform_y_mm) + loss_ + slope_ * beside + saucer_ / (1 + gap * gap);
    const float texture = trabeculae_.at(x, y);
    const float in_bone = smooth_step((y - crest) / 0.45F);
    float bone = bone_ + contrast_ * (texture - 0.45F) * 1.4F + shade_x_ * beside + shade_y_ * (y - crest);
    bone += 34 * bump((y - crest - 0.35F) / 0.7F);
    if (has_canal_) bone += canal(x, y);
    float value = soft_ + 8 * texture + in_bone * (bone - soft_ - 8 * texture);
    for (const auto& root : roots_) root.paint(x, y, in_bone, value);
    return value;
  }

 private:
  float canal(float x, float y) const {
    const float off = std::abs(y - canal_y_ - canal_slope_ * x);
    return 20 * bump((off - 1.45F) / 0.4F) - 30 * smooth_step((1.1F - off) / 0.4F);
  }

  Trabeculae trabeculae_;
  ImplantPlace place_;
  float loss_, saucer_, slope_, soft_, bone_, contrast_, shade_x_, shade_y_;
  bool has_canal_;
  float canal_y_, canal_slope_;
  std::vector<Root> roots_;
};

}  // namespace

void paint_bone(Random& random, const ImplantPlace& place, int64_t size, double mm_per_px, std::vector<float>& image) {
  const Jaw jaw(random, place, static_cast<double>(size) * mm_per_px);
  const auto scale = static_cast<float>(mm_per_px);
  size_t i = 0;
  for (int64_t y = 0; y < size; ++y)
    for (int64_t x = 0; x < size; ++x)
      image[i++] = jaw.at((static_cast<float>(x) + 0.5F) * scale, (static_cast<float>(y) + 0.5F) * scale);
}

}  // namespace polytask
