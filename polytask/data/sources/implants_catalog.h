#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

enum class ThreadProfile { v, buttress, square, rounded };
/// How the crown is joined to the implant; it shows as a cavity (or a post) at the top.
enum class ImplantConnection { internal_hex, tri_lobe, conical, external_hex };

/// One screw implant of the (invented) catalogue. Lengths in millimetres; shares are of length or radius.
struct ImplantModel {
  std::string company, model;
  std::vector<double> diameters_mm, lengths_mm;  ///< the sizes it is sold in
  double collar_mm = 0;                          ///< height of the smooth neck
  double collar_flare = 1;                       ///< radius at the platform / radius of the body
  double taper_start = 1;                        ///< share of the length where the body begins to narrow
  double taper_end = 1;                          ///< radius at the apex / radius of the body
  double tip_mm = 1;                             ///< length of the tip
  double tip_end = 0;                            ///< radius at the very end / radius before the tip
  double tip_power = 2;                          ///< 1: a cone or chamfer, 2: round
  ThreadProfile profile = ThreadProfile::v;
  double pitch_mm = 0.8, depth_mm = 0.3;
  double micro_mm = 0;  ///< height of the fine threads below the collar
  ImplantConnection connection = ImplantConnection::internal_hex;
  double groove_share = 0;  ///< cutting groove at the apex, share of the length
  bool vent = false;        ///< a hole across the body near the apex
};

/// Ten models of four companies.
const std::vector<ImplantModel>& implant_catalog();

}  // namespace polytask
