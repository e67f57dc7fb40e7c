#include "data/source_fixtures.h"

#include <polytask/data/input_spec.h>
#include <polytask/data/sources/normalize.h>
#include <polytask/io/json.h>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <ATen/ATen.h>
#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/csrc/jit/runtime/graph_executor.h>

#include <cmath>
#include <limits>

namespace polytask {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

at::Tensor rows_of(const std::vector<double>& values, int64_t columns) {
  return at::tensor(values, at::kDouble).view({-1, columns});
}

// Two numbers (the second with a missing value) around a category.
InputSpec mixed_spec() { return {"features", {3}, {{"a", {}, false}, {"kind", {"x", "y"}, true}, {"b", {}, false}}}; }
at::Tensor mixed_rows() { return rows_of({1, 0, 10, 3, 1, kNaN, 5, 0, 30, 7, -1, 20}, 3); }

// What a traced apply() gives on another batch.
at::Tensor traced(const Preprocess& preprocess, const at::Tensor& example, const at::Tensor& input) {
  const auto trace = torch::jit::tracer::trace(
      {example}, [&](torch::jit::Stack stack) { return torch::jit::Stack{preprocess.apply(stack[0].toTensor())}; },
      [](const at::Tensor&) { return std::string(); });
  torch::jit::GraphExecutor executor(trace.first->graph, "apply");
  torch::jit::Stack stack = {input};
  executor.run(stack);
  return stack[0].toTensor();
}

void expect_same_outputs(const Preprocess& a, const Preprocess& b, const at::Tensor& raw) {
  EXPECT_TRUE(at::equal(a.apply(raw), b.apply(raw)));
  EXPECT_EQ(a.output_shape(), b.output_shape());
}

TEST(Preprocess, ImagesAreScaledAndStandardisedPerChannel) {
  const auto preprocess = Preprocess::for_images({"image", {2, 1, 2}, {}}, 1.0 / 255, {0.5, 0.1}, {0.25, 0.5});
  const at::Tensor raw = at::tensor({0, 255, 51, 102}, at::kByte).view({1, 2, 1, 2});
  const at::Tensor seen = preprocess.apply(raw);
  EXPECT_EQ(seen.scalar_type(), at::kFloat);
  const std::vector<double> expected = {-2, 2, (0.2 - 0.1) / 0.5, (0.4 - 0.1) / 0.5};
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(doubles(seen)[i], expected[i], 1e-6);
  EXPECT_THAT(preprocess.output_shape(), ElementsAre(2, 1, 2));
}

TEST(Preprocess, MissingPixelsAreTheMean) {
  const auto preprocess = Preprocess::for_images({"image", {1, 1, 4}, {}}, 1, {-12}, {2});
  const float infinity = std::numeric_limits<float>::infinity();
  const at::Tensor raw = at::tensor({-10.0F, std::nanf(""), infinity, -14.0F}).view({1, 1, 1, 4});
  EXPECT_THAT(doubles(preprocess.apply(raw)), ElementsAre(1, 0, infinity, -1));
  EXPECT_TRUE(at::equal(traced(preprocess, at::zeros({1, 1, 1, 4}), raw), preprocess.apply(raw)));
}

TEST(Preprocess, ImageStatisticsLeaveMissingPixelsOut) {
  const InputSpec spec{"image", {2, 1, 2}, {}};
  at::Tensor images = at::tensor({1.0, 3.0, kNaN, 7.0, kNaN, 5.0, kNaN, 9.0}, at::kDouble).view({2, 2, 1, 2});
  const auto read = [&](c10::ArrayRef<int64_t> rows) { return images.index_select(0, at::tensor(rows, at::kLong)); };
  const auto fitted = fit_normalize({}, spec, 1, {0, 1}, read, 10).state();  // 1 3 5 and 7 9
  EXPECT_THAT(doubles(fitted.at("mean")), ElementsAre(3, 8));
  EXPECT_NEAR(doubles(fitted.at("std"))[0], std::sqrt(8.0 / 3), 1e-12);
  EXPECT_NEAR(doubles(fitted.at("std"))[1], 1, 1e-12);
  images.select(1, 1).fill_(kNaN);
  EXPECT_THAT(input_error([&] {
                fit_normalize({}, spec, 1, {0, 1}, read, 10);
              }),
              HasSubstr("channel 1 of input \"image\" has no value"));
}

TEST(Preprocess, TablesByHand) {
  const auto preprocess = Preprocess::for_table(mixed_spec(), mixed_rows(), true);
  EXPECT_THAT(preprocess.output_shape(), ElementsAre(5));  // a, b, b missing, x, y
  const at::Tensor seen = preprocess.apply(mixed_rows());
  EXPECT_EQ(seen.scalar_type(), at::kFloat);
  const double a = std::sqrt(5.0), b = std::sqrt(200.0 / 3);  // of 1 3 5 7 about 4, and of 10 20 30 about 20
  const std::vector<double> expected = {-3 / a, -10 / b, 0, 1, 0, -1 / a, 0, 1, 0, 1,
                                        1 / a,  10 / b,  0, 1, 0, 3 / a,  0, 0, 0, 0};
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(doubles(seen)[i], expected[i], 1e-6) << i;
}

TEST(Preprocess, UnitsAreKeptOnRequest) {
  const auto preprocess = Preprocess::for_table(mixed_spec(), mixed_rows(), false);
  EXPECT_THAT(doubles(preprocess.apply(mixed_rows())[1]), ElementsAre(3, 20, 1, 0, 1));
}

TEST(Preprocess, NewRowsMayMissWhatTrainingHad) {
  const auto preprocess = Preprocess::for_table(mixed_spec(), mixed_rows(), true);
  const at::Tensor seen = preprocess.apply(rows_of({kNaN, kNaN, kNaN}, 3));
  EXPECT_THAT(doubles(seen), ElementsAre(0, 0, 1, 0, 0));
}

TEST(Preprocess, ConstantAndEmptyColumnsStayFinite) {
  InputSpec spec{"features", {2}, {{"constant", {}, false}, {"empty", {}, false}}};
  const auto preprocess = Preprocess::for_table(spec, rows_of({0.1, kNaN, 0.1, kNaN, 0.1, kNaN}, 2), true);
  const at::Tensor seen = preprocess.apply(rows_of({0.1, kNaN, 1.1, 2}, 2));
  EXPECT_NEAR(seen[0][0].item<double>(), 0, 1e-6);
  EXPECT_NEAR(seen[1][0].item<double>(), 1, 1e-6);
  EXPECT_NEAR(seen[1][1].item<double>(), 2, 1e-6);
  EXPECT_TRUE(seen.isfinite().all().item<bool>());
}

TEST(Preprocess, LargeOffsetsKeepTheirDigits) {
  InputSpec spec{"features", {1}, {{"seconds", {}, false}}};
  const at::Tensor raw = rows_of({1.6e9, 1.6e9 + 1, 1.6e9 + 2}, 1);
  const at::Tensor seen = Preprocess::for_table(spec, raw, true).apply(raw);
  EXPECT_NEAR(seen[2][0].item<double>(), std::sqrt(1.5), 1e-5);
}

RC_GTEST_PROP(PreprocessProperty, TrainingColumnsHaveMeanZeroAndDeviationOne, ()) {
  const auto n = *rc::gen::inRange<int>(2, 40);
  std::vector<double> values;
  for (int i = 0; i < n; ++i) {
    const bool missing = i > 1 && *rc::gen::inRange(0, 4) == 0;
    values.push_back(missing ? kNaN : i + *rc::gen::inRange(-1000, 1000) * 0.37 + 1e4 * (i == 0));
  }
  const at::Tensor raw = rows_of(values, 1);
  const at::Tensor seen = Preprocess::for_table({"features", {1}, {{"v", {}, false}}}, raw, true).apply(raw);
  double sum = 0, squares = 0, count = 0;
  for (int i = 0; i < n; ++i) {
    const double z = seen[i][0].item<double>();
    if (std::isnan(values[static_cast<size_t>(i)])) {
      RC_ASSERT(z == 0);
      continue;
    }
    sum += z;
    squares += z * z;
    ++count;
  }
  RC_ASSERT(std::abs(sum / count) < 1e-4);
  RC_ASSERT(std::abs(squares / count - 1) < 1e-4);
}

TEST(Preprocess, IsRebuiltFromSpecAndState) {
  const auto table = Preprocess::for_table(mixed_spec(), mixed_rows(), true);
  const InputSpec spec = InputSpec::from_node(parse_json(write_json(table.spec().to_node()), "spec"));
  expect_same_outputs(table, Preprocess(spec, table.state()), mixed_rows());

  const auto image = Preprocess::for_images({"image", {1, 2, 2}, {}}, 0.3, {0.7}, {1.9});
  const InputSpec image_spec = InputSpec::from_node(parse_yaml(write_yaml(image.spec().to_node()), "spec"));
  expect_same_outputs(image, Preprocess(image_spec, image.state()), at::rand({3, 1, 2, 2}));
}

TEST(Preprocess, OnlyCategoriesNeedNoState) {
  const InputSpec spec{"features", {1}, {{"kind", {"no", "17", "true"}, true}}};
  const auto preprocess = Preprocess::for_table(spec, rows_of({0, 1, 2}, 1), true);
  EXPECT_TRUE(preprocess.state().empty());
  EXPECT_THAT(doubles(preprocess.apply(rows_of({1}, 1))), ElementsAre(0, 1, 0));
  const InputSpec read = InputSpec::from_node(parse_json(write_json(spec.to_node()), "spec"));
  EXPECT_THAT(read.columns[0].categories, ElementsAre("no", "17", "true"));
}

TEST(Preprocess, TracesWithAnyBatchSize) {
  const auto table = Preprocess::for_table(mixed_spec(), mixed_rows(), true);
  const at::Tensor one_row = rows_of({5, 1, 11}, 3);
  EXPECT_TRUE(at::equal(traced(table, one_row, mixed_rows()), table.apply(mixed_rows())));
  const auto image = Preprocess::for_images({"image", {1, 2, 2}, {}}, 0.5, {0.7}, {1.9});
  const at::Tensor images = at::rand({5, 1, 2, 2});
  EXPECT_TRUE(at::allclose(traced(image, images.slice(0, 0, 1), images), image.apply(images)));
}

TEST(Preprocess, MovesWithItsDevice) {
  const auto table = Preprocess::for_table(mixed_spec(), mixed_rows(), true);
  expect_same_outputs(table, table.to(at::kCPU), mixed_rows());
}

TEST(Preprocess, WrongStatesAndShapesAreErrors) {
  const auto table = Preprocess::for_table(mixed_spec(), mixed_rows(), true);
  auto state = table.state();
  state.erase("std");
  EXPECT_THAT(input_error([&] { Preprocess(mixed_spec(), state); }), HasSubstr("tensor \"std\" is missing"));
  state["std"] = at::ones({3}, at::kDouble);
  EXPECT_THAT(input_error([&] { Preprocess(mixed_spec(), state); }), HasSubstr("has shape [3], expected [2]"));
  EXPECT_THAT(input_error([&] { table.apply(at::zeros({4, 2})); }), HasSubstr("expected shape [batch, 3], got [4, 2]"));
  EXPECT_THAT(input_error([&] { Preprocess({"x", {3, 4}, {}}, {}); }), HasSubstr("neither an image"));
  EXPECT_THAT(input_error([&] { InputSpec::from_node(Node::map_of()); }), HasSubstr("lacks \"name\""));
}

}  // namespace
}  // namespace polytask
