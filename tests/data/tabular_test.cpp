#include <polytask/core/error.h>
#include <polytask/data/sources/tabular.h>

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace polytask {
namespace {

TEST(Tabular, TargetsFollowTheStatedFormulas) {
  TabularOptions options;
  options.count = 300;
  options.noise = 0;
  const TabularSource source(options, 1);
  std::vector<std::vector<double>> x;
  for (int i = 1; i <= 6; ++i) x.push_back(source.column("x" + std::to_string(i)).numbers);
  const auto materials = source.column("material").texts, qualities = source.column("quality").texts;
  const auto kind = source.column("kind").texts;
  const auto defect = source.column("defect").numbers, strength = source.column("strength").numbers;
  const auto price = source.column("price").numbers;
  for (size_t i = 0; i < 300; ++i) {
    const double m = materials[i] == "oak" ? 0.8 : materials[i] == "pine" ? -0.8 : materials[i] == "steel" ? 0.4 : -0.4;
    const double q = qualities[i] == "low" ? -1 : qualities[i] == "medium" ? 0 : 1;
    const double z1 = (x[0][i] + x[1][i] - x[2][i]) / std::sqrt(3.0) + m;
    const double z2 = std::tanh(x[3][i] * x[4][i]) + x[3][i] / 2;
    const double z3 = (x[5][i] - x[0][i]) / std::sqrt(2.0) + 0.7 * q;
    const std::vector<double> scores = {z1, z2, -z1, z3 - z2};
    const auto best = std::max_element(scores.begin(), scores.end()) - scores.begin();
    EXPECT_EQ(kind[i], std::string(1, "abcd"[best])) << i;
    EXPECT_EQ(defect[i], z1 > z3 ? 1 : 0) << i;
    EXPECT_NEAR(strength[i], 50 + 10 * z1 + 5 * z1 * z2, 1e-9) << i;
    EXPECT_NEAR(price[i], 100 * std::exp(z1 / 4 + z3 / 4), 1e-9) << i;
  }
}

TEST(Tabular, TargetsAreNeverInputs) {
  TabularOptions options;
  options.count = 10;
  options.features = 7;
  TabularSource source(options, 1);
  const auto spec = source.inputs().at(0);
  EXPECT_EQ(spec.name, "features");
  EXPECT_EQ(spec.columns.size(), 9U);
  EXPECT_EQ(spec.columns[7].categories, (std::vector<std::string>{"oak", "pine", "steel", "glass"}));
  source.exclude_from_inputs({"price", "x2", "material"});
  EXPECT_EQ(source.inputs().at(0).columns.size(), 7U);
  EXPECT_EQ(source.read(0, {1, 2}).sizes(), (std::vector<int64_t>{2, 7}));
  EXPECT_FLOAT_EQ(source.read(0, {4})[0][1].item<float>(), static_cast<float>(source.column("x3").numbers[4]));
}

TEST(Tabular, MissingSharesAndSeeds) {
  TabularOptions options;
  options.count = 2000;
  options.missing = 0.25;
  const TabularSource source(options, 4), again(options, 4), other(options, 5);
  std::vector<int64_t> rows(2000);
  for (int64_t i = 0; i < 2000; ++i) rows[static_cast<size_t>(i)] = i;
  const at::Tensor raw = source.read(0, rows);
  EXPECT_NEAR(raw.narrow(1, 0, 12).isnan().to(at::kDouble).mean().item<double>(), 0.25, 0.01);
  EXPECT_TRUE(at::equal(raw.nan_to_num(0), again.read(0, rows).nan_to_num(0)));
  EXPECT_FALSE(at::equal(raw.nan_to_num(0), other.read(0, rows).nan_to_num(0)));
}

TEST(Tabular, UnknownColumnIsNamed) {
  TabularOptions options;
  options.count = 3;
  const TabularSource source(options, 1);
  try {
    source.column("prise");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean \"price\""), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace polytask
