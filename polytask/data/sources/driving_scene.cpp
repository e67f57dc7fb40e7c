#include <polytask/data/sources/driving_scene.h>

#include <algorithm>
#include <cmath>

namespace polytask {
namespace {

constexpr double kLaneWidth_m = 3.5, kMarking_m = 0.5;
constexpr double kVehicleWidth_m = 2, kVehicleLength_m = 4.5;
constexpr double kStop_m = 12, kFree_m = 14, kTurn_m = 80;  // thresholds of decide()

double offset_at(const DrivingScene& scene, double ahead) { return scene.curvature_per_m * ahead * ahead / 2; }

// A number in [low, high) at least `margin` away from `threshold`.
double draw_clear_of(double threshold, double margin, double low, double high, Random& random) {
  double value = threshold;
  while (std::abs(value - threshold) < margin) value = random.uniform(low, high);
  return value;
}

DrivingVehicle draw_vehicle_ahead(Random& random) {
  DrivingVehicle vehicle;
  vehicle.ahead_m = random.uniform(6, 36);
  // Never in our trunk, neither a second ago nor in a second.
  const double low = std::max(-10.0, 2 - vehicle.ahead_m), high = std::min(6.0, vehicle.ahead_m - 2);
  vehicle.speed_m_s =
      draw_clear_of(kStop_m, 1, vehicle.ahead_m + low, vehicle.ahead_m + high, random) - vehicle.ahead_m;
  return vehicle;
}

DrivingVehicle draw_vehicle_beside(int lane, Random& random) {
  return {lane, draw_clear_of(kFree_m, 1.5, 0, 30, random), random.uniform(-4, 4)};
}

// How much of the pixel [low, low + width) lies in [begin, end).
double overlap(double low, double width, double begin, double end) {
  return std::max(0.0, std::min(low + width, end) - std::max(low, begin)) / width;
}

// Sizes of a picture's pixels, and where they are.
struct Grid {
  int64_t size;
  double width, length;  // of a pixel, in metres
  explicit Grid(int64_t pixels)
      : size(pixels),
        width(kFieldWidth_m / static_cast<double>(pixels)),
        length(kFieldLength_m / static_cast<double>(pixels)) {}
  double left(int64_t column) const { return static_cast<double>(column) * width - kFieldWidth_m / 2; }
  double bottom(int64_t row) const { return static_cast<double>(size - 1 - row) * length; }
};

void paint_road(const DrivingScene& scene, const Grid& grid, std::vector<double>& channel) {
  for (int64_t row = 0; row < grid.size; ++row) {
    const double middle = offset_at(scene, grid.bottom(row) + grid.length / 2);
    const double left = middle - kLaneWidth_m * (scene.left_lane ? 1.5 : 0.5);
    const double right = middle + kLaneWidth_m * (scene.right_lane ? 1.5 : 0.5);
    for (int64_t column = 0; column < grid.size; ++column) {
      double value = 20 + 90 * overlap(grid.left(column), grid.width, left, right);
      for (double line = left; line < right + kLaneWidth_m / 2; line += kLaneWidth_m)
        value += 120 * overlap(grid.left(column), grid.width, line - kMarking_m / 2, line + kMarking_m / 2);
      channel[static_cast<size_t>(row * grid.size + column)] = value;
    }
  }
}

// The vehicles where they are after `seconds`.
void paint_vehicles(const DrivingScene& scene, double seconds, const Grid& grid, std::vector<double>& channel) {
  for (const auto& vehicle : scene.vehicles) {
    const double rear = vehicle.ahead_m + seconds * vehicle.speed_m_s;
    const double middle = offset_at(scene, rear) + kLaneWidth_m * vehicle.lane;
    for (int64_t row = 0; row < grid.size; ++row) {
      const double along = overlap(grid.bottom(row), grid.length, rear, rear + kVehicleLength_m);
      if (along == 0) continue;
      for (int64_t column = 0; column < grid.size; ++column)
        channel[static_cast<size_t>(row * grid.size + column)] +=
            235 * along *
            overlap(grid.left(column), grid.width, middle - kVehicleWidth_m / 2, middle + kVehicleWidth_m / 2);
    }
  }
}

// The sum of two uniforms: mean 0, standard deviation 1.
double triangular(Random& random) { return (random.uniform() + random.uniform() - 1) * std::sqrt(6.0); }

}  // namespace

DrivingScene draw_scene(Random& random) {
  DrivingScene scene;
  scene.curvature_per_m = random.uniform(-0.006, 0.006);
  scene.left_lane = random.uniform() < 0.85;
  scene.right_lane = random.uniform() < 0.85;
  scene.vehicles.push_back(draw_vehicle_ahead(random));
  for (const int lane : {-1, 1}) {
    const bool taken = random.uniform() < 0.5;
    if (taken && (lane < 0 ? scene.left_lane : scene.right_lane))
      scene.vehicles.push_back(draw_vehicle_beside(lane, random));
  }
  const double side = random.uniform();
  scene.route = side < 0.45 ? Route::left : side < 0.9 ? Route::right : Route::straight;
  scene.turn_m = draw_clear_of(kTurn_m, 4, 0, 100, random);
  return scene;
}

std::array<double, 2> position_in_a_second(const DrivingScene& scene) {
  const DrivingVehicle& vehicle = scene.vehicles.front();
  const double ahead = vehicle.ahead_m + vehicle.speed_m_s;
  return {ahead, offset_at(scene, ahead)};
}

bool is_free(const DrivingScene& scene, int lane) {
  if (!(lane < 0 ? scene.left_lane : scene.right_lane)) return false;
  return std::none_of(scene.vehicles.begin(), scene.vehicles.end(),
                      [&](const auto& vehicle) { return vehicle.lane == lane && vehicle.ahead_m < kFree_m; });
}

Decision decide(const DrivingScene& scene) {
  const bool near = scene.turn_m < kTurn_m;
  if (near && scene.route == Route::left && is_free(scene, -1)) return Decision::left;
  if (near && scene.route == Route::right && is_free(scene, 1)) return Decision::right;
  return position_in_a_second(scene)[0] < kStop_m ? Decision::stop : Decision::keep;
}

const char* decision_name(Decision decision) {
  switch (decision) {
    case Decision::keep:
      return "keep";
    case Decision::left:
      return "left";
    case Decision::right:
      return "right";
    case Decision::stop:
      break;
  }
  return "stop";
}

void render_scene(const DrivingScene& scene, int64_t size, double grain, Random& random, uint8_t* out) {
  const Grid grid(size);
  std::vector<double> channel(static_cast<size_t>(size * size));
  for (const int part : {0, 1, 2}) {
    std::fill(channel.begin(), channel.end(), 10.0);
    if (part == 0)
      paint_road(scene, grid, channel);
    else
      paint_vehicles(scene, part == 1 ? 0 : -1, grid, channel);
    for (const double value : channel)
      *out++ = static_cast<uint8_t>(std::clamp(value + grain * triangular(random) + 0.5, 0.0, 255.0));
  }
}

}  // namespace polytask
