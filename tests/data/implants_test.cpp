#include <polytask/core/error.h>
#include <polytask/data/sources/implants.h>
#include <polytask/data/sources/implants_catalog.h>
#include <polytask/data/sources/implants_shape.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <numeric>
#include <set>
#include <thread>

namespace polytask {
namespace {

using testing::HasSubstr;

ImplantsOptions small(int64_t count) {
  ImplantsOptions options;
  options.count = count;
  return options;
}

std::vector<int64_t> first_rows(int64_t n) {
  std::vector<int64_t> rows(static_cast<size_t>(n));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

TEST(Implants, CatalogueHasFourCompaniesAndDistinctModels) {
  std::set<std::string> companies, models;
  for (const auto& model : implant_catalog()) {
    companies.insert(model.company);
    EXPECT_TRUE(models.insert(model.model).second) << model.model;
    for (const double d : model.diameters_mm) EXPECT_TRUE(d >= 3.0 && d <= 5.5) << model.model;
    for (const double l : model.lengths_mm) EXPECT_TRUE(l >= 7 && l <= 16) << model.model;
  }
  EXPECT_GE(companies.size(), 4U);
  EXPECT_GE(models.size(), 8U);
}

TEST(Implants, PicturesAndColumnsHaveTheStatedShapes) {
  ImplantsSource source(small(50), 1);
  const at::Tensor pictures = source.read(0, {3, 7});
  EXPECT_EQ(pictures.sizes(), (std::vector<int64_t>{2, 1, 64, 64}));
  EXPECT_EQ(pictures.scalar_type(), at::kByte);
  EXPECT_EQ(source.column("model").texts.size(), 50U);
  EXPECT_EQ(source.column("length").numbers.size(), 50U);
  EXPECT_EQ(source.unit("diameter"), "mm");
  EXPECT_EQ(source.unit("company"), "");
  EXPECT_EQ(source.row_name(4), "implants[4]");
}

TEST(Implants, SamplesDependOnSeedAndRowAlone) {
  const ImplantsSource once(small(40), 5), longer(small(80), 5), other(small(40), 6);
  const at::Tensor backwards = longer.read(0, {39, 12, 0});
  const at::Tensor forwards = once.read(0, {0, 12, 39});
  EXPECT_TRUE(at::equal(forwards, backwards.flip({0})));
  EXPECT_FALSE(at::equal(forwards, other.read(0, {0, 12, 39})));
  auto models = longer.column("model").texts;
  models.resize(40);
  EXPECT_EQ(once.column("model").texts, models);
}

TEST(Implants, OwnSeedOverridesTheExperiments) {
  ImplantsOptions options = small(5);
  options.seed = 9;
  EXPECT_TRUE(at::equal(ImplantsSource(options, 1).read(0, {0, 1}), ImplantsSource(options, 2).read(0, {0, 1})));
}

TEST(Implants, ThreadsInAnyOrderSeeTheSamePictures) {
  const int64_t count = 120;
  const ImplantsSource serial(small(count), 3), shared(small(count), 3);
  const at::Tensor expected = serial.read(0, first_rows(count));
  std::vector<at::Tensor> seen(4);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < seen.size(); ++t) {
    threads.emplace_back([&, t] {
      auto rows = first_rows(count);
      if (t % 2 == 1) std::reverse(rows.begin(), rows.end());
      seen[t] = shared.read(0, rows);
    });
  }
  for (auto& thread : threads) thread.join();
  for (size_t t = 0; t < seen.size(); ++t)
    EXPECT_TRUE(at::equal(expected, t % 2 == 1 ? seen[t].flip({0}) : seen[t])) << t;
  EXPECT_TRUE(at::equal(expected, shared.read(0, first_rows(count))));  // from memory
}

// Below the platform the metal must reach exactly as far down, and as far to the sides, as the labels say.
TEST(Implants, ShapesHaveTheSizesOfTheirLabels) {
  constexpr double kStep = 0.02;  // mm
  for (const auto& model : implant_catalog()) {
    for (const double diameter : model.diameters_mm) {
      for (const double length : {model.lengths_mm.front(), model.lengths_mm.back()}) {
        Random random(7);
        const ImplantShape shape(model, diameter, length, random);
        double deepest = 0, widest = 0;
        for (double u = 0; u < length + 1; u += kStep) {
          for (double v = 0; v < diameter; v += kStep) {
            if (shape.attenuation(static_cast<float>(u), static_cast<float>(v)) <= 0) continue;
            deepest = std::max(deepest, u);
            widest = std::max(widest, 2 * v);
          }
        }
        EXPECT_NEAR(deepest, length, 0.15) << model.model;
        EXPECT_NEAR(widest, diameter * std::max(1.0, model.collar_flare), 0.15) << model.model << " " << diameter;
      }
    }
  }
}

TEST(Implants, MillimetresAreTheSameAtAnyResolution) {
  ImplantsOptions coarse = small(30), fine = small(30);
  coarse.noise = fine.noise = 0;
  fine.size = 128;
  const auto lit = [](const ImplantsOptions& options) {
    return ImplantsSource(options, 1).read(0, first_rows(30)).gt(200).to(at::kDouble).mean().item<double>();
  };
  EXPECT_NEAR(lit(coarse), lit(fine), 0.1 * lit(fine));
}

TEST(Implants, FittedPicturesAreStandardised) {
  ImplantsSource source(small(200), 1);
  const auto rows = first_rows(200);
  const at::Tensor pictures = source.fit(rows).at(0).apply(source.read(0, rows));
  EXPECT_NEAR(pictures.mean().item<double>(), 0, 1e-3);
  EXPECT_NEAR(pictures.std().item<double>(), 1, 1e-3);
}

template <class Call>
std::string message_of(Call call) {
  try {
    call();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Implants, BadRequestsAreNamed) {
  ImplantsOptions tiny = small(5);
  tiny.mm_per_px = 0.1;
  EXPECT_THAT(message_of([&] { ImplantsSource(tiny, 1); }), HasSubstr("too little for the longest implant"));
  const ImplantsSource source(small(5), 1);
  EXPECT_THAT(message_of([&] { source.column("lenght"); }), HasSubstr("did you mean \"length\""));
  EXPECT_THAT(message_of([&] { source.read(0, {5}); }), HasSubstr("row 5 does not exist: there are 5"));
  EXPECT_THAT(message_of([] {
                sources().create(
                    Node::map_of({{"source", Node::scalar_of("implants")}, {"count", Node::scalar_of("0")}}),
                    OpenRequest{});
              }),
              HasSubstr("0 is out of range: must be ≥ 1"));
}

}  // namespace
}  // namespace polytask
