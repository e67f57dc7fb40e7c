#pragma once
#include <polytask/core/random.h>
#include <polytask/data/sources/implants_catalog.h>

#include <vector>

namespace polytask {

/// One implant as X-rays see it: how much of the beam its metal takes away at any place of the projection.
///
/// The body is a solid of revolution with a helical thread. Where the beam passes at distance v from the axis it leaves
/// the metal at the angles ±θ, cos θ = v / R, where the helix has turned on by ±θ/2π; the chord through the metal, less
/// the cavity of the connection, gives the attenuation 1 − exp(−µ·chord). So the teeth of one side stand half a pitch
/// from those of the other, and their crests cross the body at a slant, as in real radiographs.
class ImplantShape {
 public:
  /// Draws what does not belong to the model: the thread's phase, the roll about the axis, a cover screw or abutment.
  ImplantShape(const ImplantModel& model, double diameter_mm, double length_mm, Random& random);

  /// Share of the beam taken away, 0…1, at `u` mm below the platform and `v` mm beside the axis.
  float attenuation(float u, float v) const;
  /// Where there is metal at all: u from top_mm() to bottom_mm(), |v| up to half_width_mm().
  float top_mm() const { return top_; }
  float bottom_mm() const { return length_; }
  float half_width_mm() const { return half_width_; }

 private:
  // The body at one height.
  struct Section {
    float radius = 0;   // crest of the thread
    float depth = 0;    // of the thread
    float turns = 1;    // of the helix so far; at least 1, so that a phase is never negative
    float cavity = 0;   // radius of the hollow
    float density = 1;  // of the metal; less in a gap between parts
  };

  void build(const ImplantModel& model, double radius, Random& random);
  void add_cavity(const ImplantModel& model, double filled);
  void add_top(const ImplantModel& model, double radius, Random& random);
  void add_apex(const ImplantModel& model, double radius, Random& random);
  float holes(float u, float v) const;

  std::vector<Section> sections_;  // kStep apart, from top_ on
  std::vector<float> profile_;     // depth below the crest, as a share, over one turn
  float top_ = 0, length_ = 0, half_width_ = 0;
  float vent_u_ = 0, vent_half_length_ = 0, vent_half_width_ = 0;
  float groove_u_ = 0, groove_v_ = 0, groove_half_width_ = 0;
};

}  // namespace polytask
