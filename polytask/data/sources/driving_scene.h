#pragma once
#include <polytask/core/random.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

/// A vehicle in a lane: −1 left of ours, 0 ours, 1 right.
struct DrivingVehicle {
  int lane = 0;
  double ahead_m = 0;    ///< from our front to its rear, along the road
  double speed_m_s = 0;  ///< relative to ours
};

enum class Route { left, straight, right };
enum class Decision { keep, left, right, stop };

/// What is around our vehicle, and where it shall go.
struct DrivingScene {
  double curvature_per_m = 0;  ///< the road's centre is curvature · y² / 2 to the right, y metres ahead
  bool left_lane = false, right_lane = false;
  std::vector<DrivingVehicle> vehicles;  ///< the first is the one ahead in our lane
  Route route = Route::straight;
  double turn_m = 0;  ///< how far ahead the route turns
};

constexpr double kFieldWidth_m = 24, kFieldLength_m = 48;  ///< what a picture shows: ahead of us, and to both sides

/// Draws a scene in which nothing is so near to a threshold of decide() that a picture could not show it.
DrivingScene draw_scene(Random& random);

/// Where the vehicle ahead will be in a second, at its relative speed: {ahead, to the right of us}, in metres.
std::array<double, 2> position_in_a_second(const DrivingScene& scene);

/// A lane to the side (−1 or 1) is free where it exists and no vehicle is less than 14 m ahead in it.
bool is_free(const DrivingScene& scene, int lane);

/// Towards the side of a turn that is less than 80 m ahead, where that lane is free; otherwise stop where the vehicle
/// ahead will be nearer than 12 m in a second, and keep the lane where it will not.
Decision decide(const DrivingScene& scene);
const char* decision_name(Decision decision);

/// Bird's-eye picture, bytes [3, size, size], our front at the middle of the lower edge: road and lane markings, the
/// vehicles now, the vehicles a second ago. `grain`: standard deviation of the noise in grey values, drawn from
/// `random`.
void render_scene(const DrivingScene& scene, int64_t size, double grain, Random& random, uint8_t* out);

}  // namespace polytask
