#include <polytask/data/sources/implants_catalog.h>

namespace polytask {
namespace {

using Connection = ImplantConnection;
using Thread = ThreadProfile;

const std::vector<double> kHalvorsenLengths = {8, 10, 12, 14};
const std::vector<double> kMeridiaLengths = {7, 8.5, 10, 11.5, 13, 16};
const std::vector<double> kCastellanLengths = {8, 9.5, 11, 13, 15};
const std::vector<double> kTarnLengths = {7, 9, 11, 13, 15};

// Parallel walls, wide flat threads, flared necks, conical connections.
void add_halvorsen(std::vector<ImplantModel>& models) {
  ImplantModel fjord;
  fjord.company = "Halvorsen";
  fjord.model = "Fjord";
  fjord.diameters_mm = {3.3, 4.1, 4.8};
  fjord.lengths_mm = kHalvorsenLengths;
  fjord.collar_mm = 1.9;
  fjord.collar_flare = 1.3;
  fjord.tip_mm = 1.2;
  fjord.profile = Thread::rounded;
  fjord.pitch_mm = 1.25;
  fjord.depth_mm = 0.4;
  fjord.connection = Connection::conical;
  models.push_back(fjord);

  ImplantModel skerry = fjord;
  skerry.model = "Skerry";
  skerry.collar_mm = 0.5;
  skerry.collar_flare = 1;
  skerry.taper_start = 0.25;
  skerry.taper_end = 0.62;
  skerry.tip_mm = 1.6;
  skerry.profile = Thread::v;
  skerry.pitch_mm = 0.95;
  skerry.depth_mm = 0.5;
  models.push_back(skerry);

  ImplantModel sound = fjord;
  sound.model = "Sound";
  sound.collar_mm = 0.7;
  sound.collar_flare = 1.06;
  sound.tip_mm = 0.7;
  sound.tip_end = 0.75;
  sound.tip_power = 1;
  sound.profile = Thread::square;
  sound.pitch_mm = 1.05;
  sound.depth_mm = 0.42;
  sound.connection = Connection::internal_hex;
  models.push_back(sound);
}

// Strong tapers, tri-lobe connections, cutting grooves.
void add_meridia(std::vector<ImplantModel>& models) {
  ImplantModel zenith;
  zenith.company = "Meridia";
  zenith.model = "Zenith";
  zenith.diameters_mm = {3.5, 4.3, 5.0, 5.5};
  zenith.lengths_mm = kMeridiaLengths;
  zenith.collar_mm = 0.9;
  zenith.taper_start = 0.1;
  zenith.taper_end = 0.5;
  zenith.tip_mm = 1.0;
  zenith.tip_end = 0.55;
  zenith.tip_power = 1;
  zenith.profile = Thread::v;
  zenith.pitch_mm = 0.9;
  zenith.depth_mm = 0.4;
  zenith.connection = Connection::tri_lobe;
  zenith.groove_share = 0.35;
  models.push_back(zenith);

  ImplantModel vane = zenith;
  vane.model = "Vane";
  vane.collar_mm = 0.4;
  vane.collar_flare = 0.86;
  vane.taper_start = 0.2;
  vane.taper_end = 0.72;
  vane.tip_mm = 1.4;
  vane.tip_end = 0.3;
  vane.profile = Thread::buttress;
  vane.pitch_mm = 1.5;
  vane.depth_mm = 0.75;
  vane.connection = Connection::conical;
  vane.groove_share = 0.25;
  models.push_back(vane);
}

// External hexes and vents in the older lines, fine threads below the neck in the newer one.
void add_castellan(std::vector<ImplantModel>& models) {
  ImplantModel keep;
  keep.company = "Castellan";
  keep.model = "Keep";
  keep.diameters_mm = {3.75, 4.0, 5.0};
  keep.lengths_mm = kCastellanLengths;
  keep.collar_mm = 0.8;
  keep.collar_flare = 1.1;
  keep.tip_mm = 1.0;
  keep.tip_end = 0.6;
  keep.tip_power = 1;
  keep.profile = Thread::v;
  keep.pitch_mm = 0.75;
  keep.depth_mm = 0.38;
  keep.connection = Connection::external_hex;
  keep.vent = true;
  models.push_back(keep);

  ImplantModel bastion = keep;
  bastion.model = "Bastion";
  bastion.collar_mm = 1.5;
  bastion.collar_flare = 1.16;
  bastion.taper_start = 0.55;
  bastion.taper_end = 0.55;
  bastion.tip_mm = 1.4;
  bastion.tip_end = 0;
  bastion.tip_power = 2;
  bastion.profile = Thread::buttress;
  bastion.pitch_mm = 0.9;
  bastion.depth_mm = 0.48;
  models.push_back(bastion);

  ImplantModel rampart = keep;
  rampart.model = "Rampart";
  rampart.diameters_mm = {3.5, 4.0, 4.5, 5.0};
  rampart.collar_mm = 0.3;
  rampart.collar_flare = 1;
  rampart.micro_mm = 2.8;
  rampart.tip_mm = 1.8;
  rampart.tip_end = 0.2;
  rampart.tip_power = 2;
  rampart.profile = Thread::rounded;
  rampart.pitch_mm = 0.8;
  rampart.depth_mm = 0.34;
  rampart.connection = Connection::conical;
  rampart.vent = false;
  models.push_back(rampart);
}

// Cone-shaped and stepped bodies with coarse square threads.
void add_tarn(std::vector<ImplantModel>& models) {
  ImplantModel gorge;
  gorge.company = "Tarn";
  gorge.model = "Gorge";
  gorge.diameters_mm = {3.0, 3.6, 4.2, 5.0};
  gorge.lengths_mm = kTarnLengths;
  gorge.collar_mm = 0.6;
  gorge.taper_start = 0;
  gorge.taper_end = 0.38;
  gorge.tip_mm = 1.1;
  gorge.tip_end = 0;
  gorge.tip_power = 2;
  gorge.profile = Thread::square;
  gorge.pitch_mm = 1.3;
  gorge.depth_mm = 0.55;
  gorge.connection = Connection::internal_hex;
  models.push_back(gorge);

  ImplantModel weir = gorge;
  weir.model = "Weir";
  weir.diameters_mm = {3.6, 4.2, 5.0, 5.5};
  weir.collar_mm = 2.4;
  weir.collar_flare = 1;
  weir.taper_start = 0.7;
  weir.taper_end = 0.8;
  weir.tip_mm = 1.5;
  weir.tip_end = 0.35;
  weir.tip_power = 1;
  weir.profile = Thread::v;
  weir.pitch_mm = 1.15;
  weir.depth_mm = 0.55;
  weir.connection = Connection::tri_lobe;
  weir.groove_share = 0.3;
  models.push_back(weir);
}

}  // namespace

const std::vector<ImplantModel>& implant_catalog() {
  static const std::vector<ImplantModel> catalog = [] {
    std::vector<ImplantModel> models;
    add_halvorsen(models);
    add_meridia(models);
    add_castellan(models);
    add_tarn(models);
    return models;
  }();
  return catalog;
}

}  // namespace polytask
