#include "support.h"

#include <polytask/allometry/law.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

namespace polytask {
namespace {

using testing::HasSubstr;

const std::vector<double> kExample = {-3.6, 3.0, -0.2, 7.5};

std::vector<at::Tensor> example_parameters(const Law& law, at::ScalarType type) {
  std::vector<at::Tensor> parameters;
  for (int i = 0; i <= law.columns(); ++i) parameters.push_back(at::tensor({kExample[static_cast<size_t>(i)]}, type));
  if (law.has_shape()) parameters.push_back(at::tensor({kExample[3]}, type));
  return parameters;
}

TEST(Law, values_by_hand) {
  const double h = 20, x = std::log(h), rise = std::log(1 - std::exp(-h / 7.5));
  const std::map<std::string, double> expected = {{"power", -3.6 + 3 * x},
                                                  {"quadratic", -3.6 + 3 * x - 0.2 * x * x},
                                                  {"segmented", -3.6 + 3 * x - 0.2 * (x - std::log(7.5))},
                                                  {"asymptotic", -3.6 + 3 * rise}};
  for (const auto& name : law_names()) {
    const Law& law = law_named(name, "test");
    const auto value = law.log_biomass(at::tensor({x}, at::kDouble), example_parameters(law, at::kDouble));
    EXPECT_NEAR(value.item<double>(), expected.at(name), 1e-12) << name;
  }
  const Law& segmented = law_named("segmented", "test");
  EXPECT_NEAR(
      segmented.log_biomass(at::tensor({std::log(2.0)}, at::kDouble), example_parameters(segmented, at::kDouble))
          .item<double>(),
      -3.6 + 3 * std::log(2.0), 1e-12);
}

// The regression columns are the derivatives by the coefficients.
TEST(Law, columns_are_what_the_coefficients_multiply) {
  for (const auto& name : law_names()) {
    const Law& law = law_named(name, "test");
    for (const double height : {0.5, 7.0, 30.0}) {
      auto parameters = example_parameters(law, at::kDouble);
      for (auto& parameter : parameters) parameter.requires_grad_();
      law.log_biomass(at::tensor({std::log(height)}, at::kDouble), parameters).sum().backward();
      std::vector<double> columns(2);
      law.columns_at(std::log(height), kExample[3], columns.data());
      for (int c = 0; c < law.columns(); ++c)
        EXPECT_NEAR(parameters[static_cast<size_t>(c) + 1].grad().item<double>(), columns[static_cast<size_t>(c)],
                    1e-12)
            << name << " " << height;
    }
  }
}

TEST(Law, gradients_are_finite_in_float32_from_micrometres_to_kilometres) {
  for (const auto& name : law_names()) {
    const Law& law = law_named(name, "test");
    auto x = at::tensor({1e-6, 0.01, 1.0, 50.0, 5000.0}, at::kFloat).log().requires_grad_();
    const auto value = law.log_biomass(x, example_parameters(law, at::kFloat));
    value.sum().backward();
    EXPECT_EQ(value.scalar_type(), at::kFloat);
    EXPECT_TRUE(value.isfinite().all().item<bool>()) << name;
    EXPECT_TRUE(x.grad().isfinite().all().item<bool>()) << name;
  }
}

TEST(Law, unknown_names_are_refused) {
  EXPECT_THAT(message_of([] { law_named("pwer", "--law"); }),
              HasSubstr("--law: unknown law \"pwer\"; did you mean \"power\""));
}

}  // namespace
}  // namespace polytask
