#include <polytask/core/progress.h>
#include <polytask/data/data_module.h>
#include <polytask/data/make.h>
#include <polytask/data/sources/driving.h>
#include <polytask/io/image.h>

#include <data/source_fixtures.h>
#include <fmt/format.h>
#include <support/temporary_directory.h>

#include <cmath>
#include <map>

namespace polytask {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

DrivingOptions small(int64_t prediction, int64_t decision) {
  DrivingOptions options;
  options.prediction = prediction;
  options.decision = decision;
  return options;
}

TEST(Driving, RowsOfEachDataSetHaveTheirOwnLabelsAlone) {
  DrivingSource source(small(30, 10), 1);
  EXPECT_EQ(source.size(), 40);
  const auto sets = source.data_sets();
  ASSERT_EQ(sets.size(), 2U);
  EXPECT_EQ(sets[0].name, "prediction");
  EXPECT_EQ(sets[1].begin, 30);
  EXPECT_EQ(sets[1].end, 40);
  for (int64_t row = 0; row < 40; ++row) {
    EXPECT_EQ(source.column("ahead").missing(row), row >= 30) << row;
    EXPECT_EQ(source.column("side").missing(row), row >= 30) << row;
    EXPECT_EQ(source.column("decision").missing(row), row < 30) << row;
    EXPECT_EQ(source.column("data_set").label(row), row < 30 ? "prediction" : "decision");
  }
  EXPECT_EQ(source.unit("ahead"), "m");
  EXPECT_EQ(source.unit("decision"), "");
  EXPECT_EQ(source.row_name(30), "decision[0]");
  EXPECT_THAT(source.fingerprints().at(0).second, HasSubstr("30 and 10 scenes"));
}

TEST(Driving, RouteIsGivenWhereThereIsADecision) {
  DrivingSource source(small(3, 3), 1);
  EXPECT_FALSE(source.given(0, {0, 5}).defined());
  EXPECT_TRUE(at::equal(source.given(1, {0, 5, 2, 3}), flags({false, true, false, true})));
  const at::Tensor route = source.read(1, {0, 4});
  EXPECT_EQ(route[0].abs().sum().item<float>(), 0);
  EXPECT_EQ(route[1].narrow(0, 0, 3).sum().item<float>(), 1);
  EXPECT_NEAR(route[1][3].item<float>(), source.scene(4).turn_m, 1e-5);
  const auto fitted = source.fit(first_rows(6));
  EXPECT_NEAR(fitted[1].apply(source.read(1, {3, 4, 5})).mean(0).abs().max().item<float>(), 0, 1e-6);
}

TEST(Driving, LabelsAreTheTruthAndNoiseIsWhatIsSaid) {
  auto options = small(4000, 1000);
  const DrivingSource noisy(options, 3);
  options.noise_m = 0;
  options.wrong = 0.2;
  const DrivingSource exact(options, 3);
  const auto ahead = exact.column("ahead").numbers, side = exact.column("side").numbers;
  const auto with_noise = noisy.column("ahead").numbers;
  double squares = 0;
  for (int64_t row = 0; row < 4000; ++row) {
    const auto at = static_cast<size_t>(row);
    const DrivingScene& scene = exact.scene(row);
    const DrivingVehicle& vehicle = scene.vehicles.front();
    ASSERT_EQ(vehicle.lane, 0);
    ASSERT_DOUBLE_EQ(ahead[at], vehicle.ahead_m + vehicle.speed_m_s);
    ASSERT_DOUBLE_EQ(side[at], scene.curvature_per_m * ahead[at] * ahead[at] / 2);
    ASSERT_GE(std::min(ahead[at], vehicle.ahead_m - vehicle.speed_m_s), 2 - 1e-9);
    squares += std::pow(with_noise[at] - ahead[at], 2);
  }
  EXPECT_NEAR(std::sqrt(squares / 4000), 0.5, 0.02);
  const auto clean = noisy.column("decision").texts, wrong = exact.column("decision").texts;
  int64_t differing = 0;
  for (size_t row = 4000; row < 5000; ++row) {
    EXPECT_EQ(clean[row], decision_name(decide(noisy.scene(static_cast<int64_t>(row)))));
    differing += clean[row] != wrong[row];
  }
  EXPECT_NEAR(static_cast<double>(differing), 200, 40);
}

TEST(Driving, EveryRuleDecides) {
  DrivingScene scene;
  scene.vehicles = {{0, 30, 0}, {1, 10, 0}};
  scene.left_lane = scene.right_lane = true;
  scene.route = Route::left;
  scene.turn_m = 50;
  EXPECT_EQ(decide(scene), Decision::left);
  scene.turn_m = 90;  // far away
  EXPECT_EQ(decide(scene), Decision::keep);
  scene.turn_m = 50;
  scene.route = Route::right;  // a vehicle is there
  EXPECT_EQ(decide(scene), Decision::keep);
  scene.vehicles[1].ahead_m = 20;
  EXPECT_EQ(decide(scene), Decision::right);
  scene.right_lane = false;
  EXPECT_EQ(decide(scene), Decision::keep);
  scene.vehicles[0].speed_m_s = -20;  // 10 m in a second
  EXPECT_EQ(decide(scene), Decision::stop);
  scene.route = Route::left;  // rather there than to stop
  EXPECT_EQ(decide(scene), Decision::left);
  scene.route = Route::straight;
  EXPECT_EQ(decide(scene), Decision::stop);
}

// The best guess for a scene whose route is unknown, by how often each route occurs.
TEST(Driving, WithoutTheRouteTheDecisionIsClearlyWorse) {
  const DrivingSource source(small(1, 6000), 5);
  std::map<Decision, int64_t> classes;
  double correct = 0, left = 0, right = 0;
  for (int64_t row = 1; row <= 6000; ++row) {
    const DrivingScene& scene = source.scene(row);
    ++classes[decide(scene)];
    left += scene.route == Route::left && scene.turn_m < 80;
    right += scene.route == Route::right && scene.turn_m < 80;
  }
  left /= 6000, right /= 6000;
  for (int64_t row = 1; row <= 6000; ++row) {
    const DrivingScene& scene = source.scene(row);
    const double to_left = is_free(scene, -1) ? left : 0, to_right = is_free(scene, 1) ? right : 0;
    correct += std::max({to_left, to_right, 1 - to_left - to_right});
  }
  EXPECT_NEAR(correct / 6000, 0.58, 0.03);
  for (const auto& [decision, count] : classes) EXPECT_GT(count, 600) << decision_name(decision);
  EXPECT_EQ(classes.size(), 4U);
}

TEST(Driving, ScenesDependOnSeedAndNumberAlone) {
  const DrivingSource few(small(5, 5), 7), more(small(9, 6), 7), other(small(5, 5), 8);
  EXPECT_TRUE(at::equal(few.read(0, {2, 6}), more.read(0, {2, 10})));
  EXPECT_TRUE(at::equal(few.read(0, {6}), few.read(0, {2, 6}).narrow(0, 1, 1)));
  EXPECT_FALSE(at::equal(few.read(0, {2}), other.read(0, {2})));
  EXPECT_EQ(few.column("decision").texts[7], more.column("decision").texts[11]);
  EXPECT_EQ(few.column("ahead").numbers[3], more.column("ahead").numbers[3]);
  auto own = small(5, 5);
  own.seed = 7;
  EXPECT_TRUE(at::equal(few.read(0, {0}), DrivingSource(own, 99).read(0, {0})));
}

// What is needed can be seen: the centres of gravity of both vehicle channels give the vehicle's place and speed.
TEST(Driving, PicturesShowTheVehicleNowAndASecondAgo) {
  DrivingScene scene;
  scene.vehicles = {{0, 20, 5}};
  std::vector<uint8_t> picture(3 * 24 * 24);
  Random random(1);
  render_scene(scene, 24, 0, random, picture.data());
  const auto rear_of = [&](size_t part) {
    double sum = 0, weighted = 0;
    for (size_t i = 0; i < 576; ++i) {
      const double value = picture[part * 576 + i] - 10.0;
      sum += value;
      weighted += value * (static_cast<double>(23 - i / 24) * 2 + 1);
    }
    return weighted / sum - 4.5 / 2;
  };
  EXPECT_NEAR(rear_of(1), 20, 0.3);
  EXPECT_NEAR(rear_of(2), 15, 0.3);
  double road = 0;
  for (size_t i = 0; i < 576; ++i) road += picture[i] > 60;
  EXPECT_GT(road, 24 * 2);
}

// Written as files, it is read by the source `images`, for training and for prediction.
TEST(Driving, FilesHoldTheSameScenes) {
  set_progress_enabled(false);
  const TemporaryDirectory directory;
  MakeOptions make;
  make.directory = directory.path();
  make.count = 63;
  make.validation = 0.25;
  make_data("driving", make);
  const std::string files = fmt::format("train: {0}/train.json, validation: {0}/val.json", directory.path().string());
  Node made = parse_yaml("{source: driving, prediction: 60, decision: 3, split: {validation: 0.25}}", "data.yaml");
  Node read = parse_yaml("{source: images, " + files +
                             ", vector: [route_left, route_straight, route_right, route_turn_m], vector_input: route}",
                         "data.yaml");
  const std::vector<TargetRequest> tasks = {{"side", TargetKind::real, {"side"}, {}, 0},
                                            {"decision", TargetKind::classes, {"decision"}, {}, 0}};
  const auto source = open_data(made, tasks, 1), images = open_data(read, tasks, 1);
  ASSERT_EQ(images.split.train.size(), source.split.train.size());
  const Batch a = source.dataset->batch(source.split.train), b = images.dataset->batch(images.split.train);
  for (const char* task : {"side", "decision"}) {
    EXPECT_TRUE(at::equal(a.valid.at(task), b.valid.at(task))) << task;
    EXPECT_TRUE(a.targets.at(task).allclose(b.targets.at(task))) << task;
  }
  EXPECT_TRUE(a.inputs.at("route").allclose(b.inputs.at("route"), 1e-4, 1e-5));
  const auto opened =
      open_for_prediction(made, {(directory.path() / "train.json").string()}, source.dataset->preprocess());
  const Batch c = opened->batch(first_rows(static_cast<int64_t>(source.split.train.size())));
  EXPECT_TRUE(at::equal(a.inputs.at("image"), c.inputs.at("image")));
  EXPECT_TRUE(a.inputs.at("route").allclose(c.inputs.at("route"), 1e-4, 1e-5));
}

TEST(Driving, MistakesAreNamed) {
  DrivingSource source(small(3, 3), 1);
  EXPECT_THAT(input_error([&] { source.column("desicion"); }), HasSubstr("did you mean \"decision\""));
  EXPECT_THAT(input_error([&] { source.read(0, {6}); }), HasSubstr("row 6 does not exist: there are 6"));
  OpenRequest request;
  const TemporaryDirectory directory;
  write_png(directory.path() / "scene.png", at::zeros({3, 24, 24}, at::kByte));
  request.paths = {(directory.path() / "scene.png").string()};
  EXPECT_THAT(open_error("{source: driving}", request),
              HasSubstr("name an annotation file (.json, .jsonl) whose records have route_left, route_straight"));
}

}  // namespace
}  // namespace polytask
