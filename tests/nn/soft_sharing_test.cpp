#include "expert_support.h"

#include <polytask/nn/sharing/soft.h>

namespace polytask {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kMlp = "backbone: {type: mlp, hidden: [5], activation: tanh}}";

TEST(SquaredDistances, CountEveryPairOnce) {
  const auto w = [](double a, double b) { return at::tensor({a, b}, at::kDouble); };
  // pairs: (0,1): 1 + 4, (0,2): 9 + 0, (1,2): 4 + 4
  EXPECT_NEAR(squared_distances({w(0, 0), w(1, 2), w(3, 0)}).item<double>(), 5 + 9 + 8, 1e-12);
  EXPECT_EQ(squared_distances({w(1, 7), w(1, 7)}).item<double>(), 0);
}

TEST(TraceNorm, SumsSingularValues) {
  const at::Tensor rows = at::randn({3, 10}, at::kDouble);
  const double expected = std::get<1>(at::linalg_svd(rows, false)).sum().item<double>();
  EXPECT_NEAR(trace_norm({rows[0].view({2, 5}), rows[1].view({2, 5}), rows[2].view({2, 5})}).item<double>(), expected,
              1e-9);
  // Orthogonal rows: the sum of their lengths.
  EXPECT_NEAR(trace_norm({at::tensor({3.0, 4.0}), at::tensor({-8.0, 6.0})}).item<double>(), 15, 1e-5);
}

TEST(TraceNorm, HasAGradientWhereRowsAreEqual) {
  at::Tensor w = at::randn({4}, at::kDouble).requires_grad_();
  trace_norm({w, w.detach(), w.detach()}).backward();
  // One singular value √3 ‖w‖, of which each row has a third: gradient w / (√3 ‖w‖).
  EXPECT_TRUE(at::allclose(w.grad(), w.detach() / (std::sqrt(3.0) * w.detach().norm()), 1e-5, 1e-5));
  at::Tensor zero = at::zeros({4}).requires_grad_();
  trace_norm({zero, at::zeros({4})}).backward();
  EXPECT_TRUE(at::isfinite(zero.grad()).all().item<bool>());
}

TEST(SoftSharing, SharesNoParameter) {
  const auto model = model_of("{sharing: soft, " + kMlp, 2);
  EXPECT_THAT(roles_of(*model),
              ElementsAre("backbones.a.hidden.0.fc.weight task 0", "backbones.a.hidden.0.fc.bias task 0",
                          "backbones.b.hidden.0.fc.weight task 1", "backbones.b.hidden.0.fc.bias task 1",
                          "heads.a.fc.weight task 0", "heads.a.fc.bias task 0", "heads.b.fc.weight task 1",
                          "heads.b.fc.bias task 1"));
  expect_all_parameters_listed(*model);
  EXPECT_EQ(model->last_shared_layer(), "");
}

TEST(SoftSharing, EachTaskHasItsNetwork) {
  const auto model = model_of("{sharing: soft, same_start: false, " + kMlp, 2);
  const at::Tensor x = at::randn({3, 4});
  const auto features = model->represent({{"x", x}});
  const NamedTensors s = model->state();
  for (size_t t = 0; t < 2; ++t) {
    const std::string prefix = fmt::format("backbones.{}.hidden.0.fc.", t == 0 ? "a" : "b");
    EXPECT_TRUE(at::allclose(features[t].back(),
                             at::tanh(x.matmul(s.at(prefix + "weight").t()) + s.at(prefix + "bias")), 1e-5, 1e-6));
  }
}

// Σ over pairs and parameters by hand.
double pairs(const NamedTensors& state, const std::vector<std::string>& tasks, const std::vector<std::string>& names) {
  double sum = 0;
  for (size_t i = 0; i < tasks.size(); ++i)
    for (size_t j = i + 1; j < tasks.size(); ++j)
      for (const auto& name : names)
        sum += (state.at("backbones." + tasks[i] + "." + name) - state.at("backbones." + tasks[j] + "." + name))
                   .square()
                   .sum()
                   .item<double>();
  return sum;
}

TEST(SoftSharing, PenaltyIsOfWeightsAndBiasesOfBackbonesOnly) {
  const auto model = model_of(
      "{sharing: soft, strength: 0.5, same_start: false, backbone: {type: mlp, hidden: [5], batch_norm: true}}", 3);
  model->to(at::kDouble);
  const std::vector<std::string> names = {"hidden.0.fc.weight", "hidden.0.fc.bias"};
  const double before = model->penalty().item<double>();
  EXPECT_NEAR(before, 0.5 * pairs(model->state(), {"a", "b", "c"}, names), 1e-10);
  const torch::NoGradGuard no_grad;
  for (const char* other : {"backbones.a.hidden.0.bn.weight", "backbones.b.hidden.0.bn.bias",
                            "backbones.c.hidden.0.bn.running_mean", "heads.a.fc.weight", "heads.b.fc.bias"})
    model->state().at(other).add_(1);
  EXPECT_EQ(model->penalty().item<double>(), before);
}

TEST(SoftSharing, GroupsAreCoupledAmongThemselves) {
  const std::string rest = "sharing: soft, strength: 1, same_start: false, " + kMlp;
  const auto model = model_of("{groups: [[a, c], [d, b]], " + rest, 5);
  model->to(at::kDouble);
  const std::vector<std::string> names = {"hidden.0.fc.weight", "hidden.0.fc.bias"};
  EXPECT_NEAR(model->penalty().item<double>(),
              pairs(model->state(), {"a", "c"}, names) + pairs(model->state(), {"b", "d"}, names), 1e-10);
  model->penalty().backward();
  EXPECT_FALSE(model->state().at("backbones.e.hidden.0.fc.weight").grad().defined());
}

TEST(SoftSharing, TraceNormIsTakenParameterByParameter) {
  const auto model = model_of("{sharing: soft, strength: 2, norm: trace, same_start: false, " + kMlp, 2);
  const NamedTensors s = model->state();
  double expected = 0;
  for (const char* name : {"hidden.0.fc.weight", "hidden.0.fc.bias"}) {
    const at::Tensor rows =
        at::stack({s.at(std::string("backbones.a.") + name), s.at(std::string("backbones.b.") + name)});
    expected += 2 * std::get<1>(at::linalg_svd(rows.flatten(1), false)).sum().item<double>();
  }
  EXPECT_NEAR(model->penalty().item<double>(), expected, 1e-4);
}

TEST(SoftSharing, StartsFromTheSameValuesUnlessTold) {
  const NamedTensors same = model_of("{sharing: soft, " + kMlp, 2)->state();
  EXPECT_TRUE(at::equal(same.at("backbones.a.hidden.0.fc.weight"), same.at("backbones.b.hidden.0.fc.weight")));
  EXPECT_FALSE(at::equal(same.at("heads.a.fc.weight"), same.at("heads.b.fc.weight")));
  const NamedTensors other = model_of("{sharing: soft, same_start: false, " + kMlp, 2)->state();
  EXPECT_FALSE(at::equal(other.at("backbones.a.hidden.0.fc.weight"), other.at("backbones.b.hidden.0.fc.weight")));
  EXPECT_EQ(model_of("{sharing: soft, " + kMlp, 2)->penalty().item<double>(), 0);
}

TEST(SoftSharing, HasNoPenaltyWhereNothingIsCoupled) {
  EXPECT_FALSE(model_of("{sharing: soft, " + kMlp, 1)->penalty().defined());
  EXPECT_FALSE(model_of("{sharing: soft, strength: 0, " + kMlp, 3)->penalty().defined());
  EXPECT_FALSE(model_of("{sharing: soft, groups: [], " + kMlp, 3)->penalty().defined());
  const auto model = model_of("{sharing: soft, " + kMlp, 3);
  model->eval();
  EXPECT_FALSE(model->penalty().defined());
}

TEST(SoftSharing, GradientsAreExact) {
  for (const char* norm : {"l2", "trace"}) {
    SCOPED_TRACE(norm);
    const auto model =
        model_of(fmt::format("{{sharing: soft, strength: 0.7, same_start: false, norm: {}, {}", norm, kMlp), 3);
    model->to(at::kDouble);
    const at::Tensor x = at::randn({3, 4}, at::kDouble);
    expect_exact_gradients(*model, x, [&] { return factored_loss(*model, x); });
  }
}

TEST(SoftSharing, TakesImagesAndTraces) {
  expect_traceable(*model_of("{sharing: soft, backbone: {type: lenet, channels: [3, 4], kernel: 3, batch_norm: true}}",
                             2, {1, 12, 12}),
                   {1, 12, 12});
}

TEST(SoftSharing, RefusesGroupsThatMakeNoSense) {
  const auto refuse = [](const std::string& groups) {
    return input_error([&] { model_of("{sharing: soft, groups: " + groups + ", " + kMlp, 3); });
  };
  EXPECT_THAT(refuse("[[a, bb]]"), AllOf(HasSubstr("no task \"bb\""), HasSubstr("did you mean \"b\"")));
  EXPECT_THAT(refuse("[[a, b], [b, c]]"), AllOf(HasSubstr("\"b\" is named twice"), HasSubstr("one group only")));
  EXPECT_THAT(refuse("[[a]]"), HasSubstr("at least two tasks"));
  EXPECT_THAT(refuse("[a, b]"), HasSubstr("at least two tasks"));
  EXPECT_THAT(refuse("all"), HasSubstr("expected a list of lists"));
}

}  // namespace
}  // namespace polytask
