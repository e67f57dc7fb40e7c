#include <balancing/gram_weighting_support.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

namespace polytask {
namespace {

using testing::HasSubstr;

TEST(Crmogm, SmoothsTheWeightsOfALossWeighting) {
  const auto balancer =
      make_balancer("{method: crmogm, alpha: 0.75, inner: {method: scale_invariant}}", numbered_tasks(2));
  LossWeighting& method = weighting_of(*balancer);
  EXPECT_EQ(method.weigh(LossState::of({0.5, 1}), true).w, (std::vector<double>{2, 1}));  // the first as they are
  LossState absent = LossState::of({0.25, 7});
  absent.present = {1, 0};
  EXPECT_EQ(method.weigh(absent, true).w, (std::vector<double>{2.5, 0}));
  const Weights shown = method.weigh(LossState::of({0.25, 0.25}), false);
  EXPECT_EQ(shown.w, (std::vector<double>{0.75 * 2.5 + 1, 0.75 * 1 + 1}));  // the absent task kept its 1
  EXPECT_EQ(method.weigh(LossState::of({0.25, 0.25}), true).w, shown.w);    // evaluation had changed nothing
  EXPECT_DOUBLE_EQ(shown.objective, 0.25 * (shown.w[0] + shown.w[1]));
}

TEST(Crmogm, SmoothsTheWeightsOfAGramWeightingAndSavesTheInnerState) {
  const std::string section = "{method: crmogm, alpha: 0.5, inner: {method: gradvac, beta: 0.5}}";
  GramMethod method(section, 2), plain("{method: gradvac, beta: 0.5}", 2), resumed(section, 2);
  std::vector<double> expected;
  for (uint64_t step = 0; step < 3; ++step) {
    const Rows rows = independent_rows(2, 5, step);
    const auto now = plain.weigh(rows).w;
    for (size_t t = 0; t < 2; ++t)
      step == 0 ? expected.push_back(now[t]) : void(expected[t] = (expected[t] + now[t]) / 2);
    expect_same(method.weigh(rows).w, expected, 1e-14);
  }
  EXPECT_EQ(method.weighting().state().count("inner.rho"), 1U);
  resumed.weighting().load_state(method.weighting().state());
  const Rows next = independent_rows(2, 5, 9);
  EXPECT_EQ(resumed.weigh(next).w, method.weigh(next).w);
}

TEST(Crmogm, PassesLearnableScalesThrough) {
  const auto balancer = make_balancer("{method: crmogm, inner: {method: uncertainty}}", numbered_tasks(2));
  EXPECT_EQ(balancer->method().parameters().count("log_var.t1"), 1U);
}

TEST(Crmogm, WritesOutTheInnerDefaults) {
  const Node resolved = balancers().resolve(parse_yaml("{method: crmogm, inner: {method: pcgrad}}", "test.yaml"));
  ASSERT_NE(resolved.find("inner"), nullptr);
  EXPECT_EQ(resolved.find("inner")->text_or("convention", ""), "paper");
}

TEST(Crmogm, RefusesWhatHasNoWeightsToSmooth) {
  const auto text = [](const std::string& section) {
    return message_of<InputError>([&] { make_balancer(section, numbered_tasks(2)); });
  };
  EXPECT_THAT(text("{method: crmogm}"), HasSubstr("inner"));
  EXPECT_THAT(text("{method: crmogm, inner: {method: aligne}}"), HasSubstr("did you mean \"aligned\"?"));
  EXPECT_THAT(text("{method: crmogm, inner: {method: gradvac, groups: layer}}"),
              HasSubstr("crmogm smooths one weight for each task, and gradvac"));
  if (balancers().contains("graddrop"))
    EXPECT_THAT(text("{method: crmogm, inner: {method: graddrop}}"), HasSubstr("crmogm smooths one weight"));
}

}  // namespace
}  // namespace polytask
