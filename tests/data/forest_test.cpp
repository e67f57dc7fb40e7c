#include <polytask/core/error.h>
#include <polytask/data/data_module.h>
#include <polytask/data/sources/forest.h>
#include <polytask/data/sources/forest_genera.h>

#include <data/source_fixtures.h>

#include <cmath>
#include <set>
#include <thread>

namespace polytask {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ForestOptions small(int64_t count) {
  ForestOptions options;
  options.count = count;
  options.size = 16;
  return options;
}

at::Tensor missing(const at::Tensor& values) { return values.isnan(); }
double share(const at::Tensor& mask) { return mask.to(at::kDouble).mean().item<double>(); }

// Equal, with NaN at the same places.
bool same(const at::Tensor& a, const at::Tensor& b) {
  return at::equal(missing(a), missing(b)) && at::equal(a.nan_to_num(0), b.nan_to_num(0));
}

TEST(Forest, HasAPictureThreeLayersAndThePlacesOfItsTiles) {
  ForestSource source(small(10), 1);
  EXPECT_THAT(source.inputs().at(0).shape, ElementsAre(2, 16, 16));
  const auto layers = source.layers();
  ASSERT_EQ(layers.size(), 3U);
  EXPECT_THAT(layers[0].class_names, ElementsAre("Pinus", "Picea", "Fagus", "Quercus", "Betula", "Abies"));
  EXPECT_EQ(layers[1].name, "height");
  EXPECT_EQ(layers[1].unit, "m");
  EXPECT_EQ(layers[2].name, "biomass");
  EXPECT_EQ(layers[2].unit, "Mg/ha");
  EXPECT_THAT(source.read(0, {0, 9}).sizes(), ElementsAre(2, 2, 16, 16));
  EXPECT_THAT(source.read_layer(2, {0, 9, 4}).sizes(), ElementsAre(3, 16, 16));
  EXPECT_THAT(source.column("scene").numbers, ElementsAre(0, 0, 0, 0, 1, 1, 1, 1, 2, 2));
  EXPECT_THAT(source.column("block").numbers, ElementsAre(0, 1, 2, 3, 0, 1, 2, 3, 0, 1));
  EXPECT_THAT(source.column("x").numbers, ElementsAre(0, 16, 0, 16, 0, 16, 0, 16, 0, 16));
  EXPECT_THAT(source.column("y").numbers, ElementsAre(0, 0, 16, 16, 0, 0, 16, 16, 0, 0));
  EXPECT_EQ(source.row_name(5), "forest scene 1 block 1");
  EXPECT_THAT(source.fingerprints().at(0).second, HasSubstr("10 tiles of 16² cells"));
}

TEST(Forest, LabelsAreTheTruthBelowClouds) {
  ForestOptions options = small(40);
  options.size = 32;
  options.unlabelled = 0.2;
  ForestSource source(options, 2);
  double unlabelled = 0, apart = 0;
  for (int64_t row = 0; row < 40; ++row) {
    const ForestTruth truth = source.truth(row);
    const auto layer = [&](int64_t k) { return source.read_layer(k, {row})[0]; };
    const auto of = [&](const std::vector<float>& values) { return at::tensor(values).view({32, 32}); };
    const at::Tensor none = missing(layer(1));
    EXPECT_TRUE(at::equal(none, missing(layer(2))));
    EXPECT_TRUE(same(layer(1), of(truth.height_m).masked_fill(none, std::nanf(""))));
    EXPECT_TRUE(same(layer(2), of(truth.biomass).masked_fill(none, std::nanf(""))));
    const at::Tensor genus = of(truth.genus), known = missing(layer(0)).logical_not();
    EXPECT_TRUE(at::equal(layer(0).index({known}), genus.index({known})));
    unlabelled += share(none) / 40;
    apart += share(none.logical_xor(missing(layer(0)).logical_and(missing(genus).logical_not()))) / 40;
  }
  EXPECT_NEAR(unlabelled, 0.2, 0.06);
  EXPECT_GT(apart, 0.1);  // genus has clouds of its own
}

// The picture is the truth times speckle of mean 1 and variance 1 / looks.
TEST(Forest, PicturesAreTheTruthUnderSpeckle) {
  ForestOptions options = small(60);
  options.gaps = 0;
  options.looks = 5;
  options.domain = "linear";
  ForestSource linear(options, 3);
  options.domain = "db";
  ForestSource decibels(options, 3);
  std::vector<at::Tensor> ratios;
  for (int64_t row = 0; row < 60; ++row) {
    const ForestTruth truth = linear.truth(row);
    const at::Tensor power = at::stack({at::tensor(truth.power[0]), at::tensor(truth.power[1])}).view({2, 16, 16});
    const at::Tensor seen = linear.read(0, {row})[0];
    ratios.push_back(seen / power);
    EXPECT_TRUE(decibels.read(0, {row})[0].allclose(10 * seen.log10(), 1e-5, 1e-4));
  }
  const at::Tensor ratio = at::stack(ratios, 1).flatten(1).to(at::kDouble);  // [2, cells]
  for (int64_t p = 0; p < 2; ++p) {
    EXPECT_NEAR(ratio[p].mean().item<double>(), 1, 0.012);
    EXPECT_NEAR(ratio[p].var().item<double>(), 0.2, 0.012);
  }
  const double correlation = ((ratio[0] - 1) * (ratio[1] - 1)).mean().item<double>() / 0.2;
  EXPECT_NEAR(correlation, 0, 0.03);
}

TEST(Forest, GapsAreOfBothChannelsAndOfTheStatedShareOfTiles) {
  ForestOptions options = small(300);
  options.gaps = 0.3;
  ForestSource source(options, 4);
  const at::Tensor images = source.read(0, first_rows(300));
  EXPECT_TRUE(at::equal(missing(images.select(1, 0)), missing(images.select(1, 1))));
  EXPECT_NEAR(share(missing(images).flatten(1).any(1)), 0.3, 0.08);
  const auto fitted = source.fit(first_rows(200));
  const at::Tensor seen = fitted[0].apply(images);
  EXPECT_TRUE(seen.isfinite().all().item<bool>());
  EXPECT_NEAR(seen.mean().item<double>(), 0, 0.1);
  EXPECT_NEAR(seen.std().item<double>(), 1, 0.15);
}

TEST(Forest, RowsDependOnSeedAndNumberAlone) {
  auto uncached = small(9);
  uncached.cache_mb = 0;
  const ForestSource few(small(5), 7), more(uncached, 7), other(small(5), 8);
  EXPECT_TRUE(same(few.read(0, {2, 4}), more.read(0, {2, 4})));
  EXPECT_TRUE(same(few.read(0, {4}), few.read(0, {2, 4}).narrow(0, 1, 1)));
  for (int64_t layer = 0; layer < 3; ++layer)
    EXPECT_TRUE(same(few.read_layer(layer, {1, 3}), more.read_layer(layer, {1, 3})));
  EXPECT_FALSE(same(few.read(0, {2}), other.read(0, {2})));
  EXPECT_FALSE(same(few.read(0, {2}), few.read(0, {3})));
  auto own = small(5);
  own.seed = 7;
  EXPECT_TRUE(same(few.read(0, {0}), ForestSource(own, 99).read(0, {0})));
}

TEST(Forest, IsReadByManyThreads) {
  const ForestSource alone(small(24), 5), shared(small(24), 5);
  std::vector<at::Tensor> seen(4);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] { seen[t] = at::cat({shared.read(0, first_rows(24)), shared.read(0, {3})}); });
  for (auto& thread : threads) thread.join();
  for (const auto& images : seen) EXPECT_TRUE(same(images.narrow(0, 0, 24), alone.read(0, first_rows(24))));
}

TEST(Forest, ScenesDoNotPartInASplitByScene) {
  const auto source = open_source("{source: forest, count: 80, size: 16}");
  SplitOptions options;
  options.validation = options.test = 0.2;
  options.group = "scene";
  const Split split = make_split(*source, options, 1);
  const auto scenes = source->column("scene").numbers;
  std::set<double> of[3];
  const std::vector<int64_t>* parts[] = {&split.train, &split.validation, &split.test};
  size_t all = 0;
  for (size_t p = 0; p < 3; ++p) {
    for (const int64_t row : *parts[p]) of[p].insert(scenes[static_cast<size_t>(row)]);
    all += of[p].size();
  }
  EXPECT_EQ(all, 20U);
  EXPECT_EQ(split.test.size(), 16U);
  for (const std::string group : {"", "block"}) {
    options.group = group;
    EXPECT_THAT(input_error([&] { make_split(*source, options, 1); }), HasSubstr("group: scene (whole scenes)"));
  }
}

TEST(Forest, MistakesAreNamed) {
  ForestSource source(small(4), 1);
  EXPECT_THAT(input_error([&] { source.column("scen"); }), HasSubstr("did you mean \"scene\""));
  EXPECT_THAT(input_error([&] { source.read(0, {4}); }), HasSubstr("row 4 does not exist: there are 4"));
  EXPECT_THAT(input_error([&] { source.truth(-1); }), HasSubstr("row -1 does not exist"));
  EXPECT_THAT(open_error("{source: forest, classes: 13}"), HasSubstr("≤ 12"));
  EXPECT_THAT(open_error("{source: forest, domain: dB}"), HasSubstr("did you mean \"db\""));
  EXPECT_THAT(open_error("{source: forest, looks: 0.5}"), HasSubstr("≥ 1"));
  EXPECT_THAT(open_error("{source: forest, stand_m: 20}"), HasSubstr("75"));
  OpenRequest request;
  request.paths = {"scene.tif"};
  EXPECT_THAT(open_error("{source: forest}", request), HasSubstr("reads no files such as scene.tif"));
}

}  // namespace
}  // namespace polytask
