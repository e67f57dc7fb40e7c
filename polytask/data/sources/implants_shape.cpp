#include <polytask/data/sources/implants_shape.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace polytask {
namespace {

constexpr double kStep = 0.05;         // mm between sections
constexpr double kAttenuation = 0.42;  // per mm of metal
constexpr double kMicroPitch = 0.45, kMicroDepth = 0.14;
constexpr size_t kProfileSize = 128;

// 1 − exp(−µ·chord) over chords of 0…8 mm.
struct AttenuationTable {
  static constexpr size_t kSize = 512;
  static constexpr double kLongest = 8;
  std::array<float, kSize + 1> values;
  AttenuationTable() {
    for (size_t i = 0; i <= kSize; ++i)
      values[i] = static_cast<float>(1 - std::exp(-kAttenuation * kLongest * static_cast<double>(i) / kSize));
  }
  float operator()(float chord_mm) const {
    const float at = chord_mm * static_cast<float>(kSize / kLongest);
    return values[std::min(static_cast<size_t>(static_cast<int32_t>(at + 0.5F)), kSize)];
  }
};

// acos(x) / 2π for x in −1…1: the turn at which a beam beside the axis meets the surface.
struct TurnTable {
  static constexpr size_t kSize = 256;
  std::array<float, kSize + 1> values;
  TurnTable() {
    for (size_t i = 0; i <= kSize; ++i)
      values[i] = static_cast<float>(std::acos(2.0 * static_cast<double>(i) / kSize - 1) / (2 * M_PI));
  }
  float operator()(float cosine) const {
    return values[static_cast<size_t>(static_cast<int32_t>((cosine + 1) * (kSize / 2) + 0.5F))];
  }
};

double thread_depth(ThreadProfile profile, double turn) {
  const double up = std::abs(2 * turn - 1);  // 1 at the crest, 0 at the root
  switch (profile) {
    case ThreadProfile::v:
      return 1 - up;
    case ThreadProfile::buttress:
      return turn < 0.25 ? turn / 0.25 : (1 - turn) / 0.75;
    case ThreadProfile::square:
      return std::clamp((0.62 - up) / 0.12, 0.0, 1.0);
    case ThreadProfile::rounded:
      return 0.5 - 0.5 * std::cos(2 * M_PI * turn);
  }
  return 0;
}

double body_factor(const ImplantModel& model, double u, double length) {
  if (u < model.collar_mm) {
    const double above = 1 - u / model.collar_mm;
    return 1 + (model.collar_flare - 1) * above * above;
  }
  double factor = 1;
  const double start = std::max(model.taper_start * length, model.collar_mm);
  if (u > start) factor -= (1 - model.taper_end) * std::pow((u - start) / (length - start), 1.2);
  const double into_tip = (u - (length - model.tip_mm)) / model.tip_mm;
  if (into_tip > 0) {
    const double round = std::pow(std::max(0.0, 1 - std::pow(into_tip, model.tip_power)), 1 / model.tip_power);
    factor *= model.tip_end + (1 - model.tip_end) * round;
  }
  return factor;
}

// Radius of the connection's hollow as a share of the diameter.
double cavity_share(ImplantConnection connection, double u, double length) {
  switch (connection) {
    case ImplantConnection::internal_hex:
      return u < 2.3 ? 0.30 : u < 0.5 * length ? 0.19 : 0;
    case ImplantConnection::tri_lobe:
      return u < 1.1 ? 0.35 : u < 2.9 ? 0.27 : u < 4.6 ? 0.18 : 0;
    case ImplantConnection::conical:
      return u < 3.6 ? 0.36 - 0.05 * u : u < 5.4 ? 0.16 : 0;
    case ImplantConnection::external_hex:
      return u < 4.4 ? 0.17 : 0;
  }
  return 0;
}

}  // namespace

ImplantShape::ImplantShape(const ImplantModel& model, double diameter_mm, double length_mm, Random& random)
    : length_(static_cast<float>(length_mm)) {
  build(model, diameter_mm / 2, random);
}

void ImplantShape::build(const ImplantModel& model, double radius, Random& random) {
  for (size_t i = 0; i < kProfileSize; ++i)
    profile_.push_back(static_cast<float>(thread_depth(model.profile, static_cast<double>(i) / kProfileSize)));
  top_ = -4;
  const double length = length_;
  const auto count = static_cast<size_t>((length - top_) / kStep) + 1;
  sections_.resize(count);
  double turns = 1 + random.uniform();
  for (size_t i = 0; i < count; ++i) {
    const double u = top_ + kStep * static_cast<double>(i);
    if (u < 0) continue;
    Section& section = sections_[i];
    const double factor = body_factor(model, u, length);
    const bool micro = u < model.collar_mm + model.micro_mm;
    const double run_in = std::clamp((u - model.collar_mm) / (0.6 * model.pitch_mm), 0.0, 1.0);
    turns += kStep / (micro ? kMicroPitch : model.pitch_mm);
    section.radius = static_cast<float>(radius * factor);
    section.depth = static_cast<float>((micro ? kMicroDepth : model.depth_mm) * run_in * std::min(1.0, factor * 1.5));
    section.turns = static_cast<float>(turns);
    half_width_ = std::max(half_width_, section.radius);
  }
  add_top(model, radius, random);
  add_apex(model, radius, random);
}

void ImplantShape::add_cavity(const ImplantModel& model, double filled) {
  const double top_of_hollow = model.connection == ImplantConnection::external_hex ? -0.7 : 0;
  const float diameter = 2 * sections_[static_cast<size_t>((model.collar_mm - top_) / kStep) + 1].radius;
  for (size_t i = 0; i < sections_.size(); ++i) {
    const double u = top_ + kStep * static_cast<double>(i);
    if (u < top_of_hollow) continue;
    const double share = cavity_share(model.connection, std::max(u, 0.0), length_);
    sections_[i].cavity = static_cast<float>(share * (1 - filled)) * diameter;
  }
}

void ImplantShape::add_top(const ImplantModel& model, double radius, Random& random) {
  const double kind = random.uniform();
  const double abutment_height = random.uniform(2.0, 3.8);
  const bool external = model.connection == ImplantConnection::external_hex;
  const bool abutment = kind < 0.2, cover = !abutment && kind < 0.55 && !external;
  const double height = abutment ? abutment_height : cover ? 0.55 : external ? 0.7 : 0;
  for (size_t i = 0; i < sections_.size(); ++i) {
    const double u = top_ + kStep * static_cast<double>(i);
    if (u >= 0 || u < -height) continue;
    const double up = -u / height;
    Section& section = sections_[i];
    const double share = abutment ? 0.72 + 0.4 * up : cover ? 0.8 * std::sqrt(1 - 0.7 * up * up) : 0.62;
    section.radius = static_cast<float>(radius * share);
    section.density = abutment && u > -0.25 ? 0.45F : 1.0F;
    half_width_ = std::max(half_width_, section.radius);
  }
  add_cavity(model, abutment ? 0.62 : cover ? 0.45 : 0);
}

void ImplantShape::add_apex(const ImplantModel& model, double radius, Random& random) {
  const double roll = random.uniform(0, M_PI);
  if (model.vent) {
    vent_u_ = length_ - 2.9F;
    vent_half_length_ = 1.0F;
    vent_half_width_ = static_cast<float>(radius * (0.2 + 0.22 * std::abs(std::cos(roll))));
  }
  if (model.groove_share > 0) {
    groove_u_ = static_cast<float>((1 - model.groove_share) * length_);
    groove_v_ = static_cast<float>(0.8 * radius * std::cos(roll));
    groove_half_width_ = static_cast<float>(0.24 * radius);
  }
}

// The share of the metal that holes through it leave.
float ImplantShape::holes(float u, float v) const {
  float left = 1;
  if (vent_half_length_ > 0) {
    const float a = (u - vent_u_) / vent_half_length_, b = v / vent_half_width_;
    if (a * a + b * b < 1) left = 0.3F;
  }
  if (groove_half_width_ > 0 && u > groove_u_) {
    const float widening = std::min(1.0F, (u - groove_u_) * 0.8F);
    if (std::abs(v - groove_v_) < groove_half_width_ * widening) left *= 0.6F;
  }
  return left;
}

float ImplantShape::attenuation(float u, float v) const {
  static const AttenuationTable attenuation_of;
  static const TurnTable turn_of;
  const auto at = static_cast<int64_t>((u - top_) * static_cast<float>(1 / kStep));
  if (at < 0 || at >= static_cast<int64_t>(sections_.size())) return 0;
  const Section& section = sections_[static_cast<size_t>(at)];
  if (std::abs(v) >= section.radius) return 0;
  const float turn = turn_of(v / section.radius);
  const auto half_chord = [&](float phase) {
    const auto whole = static_cast<float>(static_cast<int32_t>(phase));
    const auto slot = static_cast<size_t>(static_cast<int32_t>((phase - whole) * kProfileSize));
    const float r = section.radius - section.depth * profile_[slot];
    return std::sqrt(std::max(0.0F, r * r - v * v));
  };
  float chord = half_chord(section.turns - turn) + half_chord(section.turns + turn);
  if (std::abs(v) < section.cavity) chord -= 2 * std::sqrt(section.cavity * section.cavity - v * v);
  return attenuation_of(std::max(0.0F, chord) * section.density * holes(u, v));
}

}  // namespace polytask
