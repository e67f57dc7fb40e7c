#include "tiny_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <functional>
#include <map>
#include <optional>

namespace polytask {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

// Every balancing method on every sharing architecture: both lists are the registries', so that what is added there is
// tested here.

// tanh: of a few rectified units all may be dead, and with them a gradient that is asked for.
const char* const kMlp = "backbone: {type: mlp, hidden: [4, 3], activation: tanh}}";
const char* const kResnet = "backbone: {type: resnet18, widths: [2, 2, 3, 3], stem: small}}";

// A small model of an architecture: of dense layers, or of residual blocks where it can not do with less.
std::string model_section(const std::string& sharing) {
  const std::string dense = "{sharing: " + sharing + ", " + kMlp;
  try {
    TinySession(dense, "{method: equal}");
    return dense;
  } catch (const InputError&) {
    return "{sharing: " + sharing + ", " + kResnet;
  }
}

std::string method_section(const std::string& method, const std::string& scope) {
  std::string section = "{method: " + method;
  if (method == "fixed") section += ", weights: [1.5, 0.5, 2]";
  if (method == "crmogm") section += ", inner: {method: gradvac}";
  return section + (scope.empty() ? "}" : ", scope: [" + scope + "]}");
}

bool offers_scope(const std::string& method) {
  for (const auto& info : balancers().infos()) {
    if (info.name != method) continue;
    for (const auto& option : info.options())
      if (option.name == "scope") return true;
  }
  return false;
}

void expect_finite(Model& model) {
  for (const auto& p : model.model_parameters()) EXPECT_TRUE(at::isfinite(p.tensor).all().item<bool>()) << p.name;
}

// Two steps of two epochs, the second without task "size": nothing of it gets a gradient, but by a penalty that couples
// networks.
void take_two_steps(TinySession& tiny, bool coupled) {
  EXPECT_FALSE(tiny.step(0).skipped);
  tiny.session.model->begin_epoch(1, 2);
  EXPECT_FALSE(tiny.step(10, "size").skipped);
  expect_finite(*tiny.session.model);
  for (const auto& p : tiny.session.model->model_parameters()) {
    if (coupled || p.task != 1 || !p.tensor.grad().defined()) continue;
    EXPECT_EQ(p.tensor.grad().abs().sum().item<double>(), 0) << p.name << " of an absent task";
  }
}

std::string name_of(const testing::TestParamInfo<std::string>& tested) { return tested.param; }

class EveryBalancer : public testing::TestWithParam<std::string> {
 protected:
  // Steps, or the reason why not.
  std::optional<std::string> refusal(const std::string& method, const std::string& scope) {
    std::optional<TinySession> tiny;
    try {
      tiny.emplace(section_, method_section(method, scope));
    } catch (const InputError& error) {
      return error.what();
    }
    take_two_steps(*tiny, GetParam() == "soft");
    return std::nullopt;
  }
  void SetUp() override {
    section_ = model_section(GetParam());
    const TinySession tiny(section_, "{method: equal}");
    for (const auto& p : tiny.session.model->model_parameters()) shares_ = shares_ || p.role == Role::shared;
    one_representation_ = tiny.session.model->shares_representation();
    last_shared_layer_ = tiny.session.model->last_shared_layer();
  }

  std::string section_, last_shared_layer_;
  bool shares_ = false, one_representation_ = false;
};

TEST_P(EveryBalancer, StepsOrSaysWhyNot) {
  for (const auto& method : balancers().names()) {
    SCOPED_TRACE(method);
    const auto reason = refusal(method, "");
    const bool gradients = offers_scope(method) || method == "crmogm";
    if (!reason) {
      EXPECT_TRUE(shares_ || !gradients);
    } else if (!shares_) {
      EXPECT_TRUE(gradients) << *reason;
      EXPECT_THAT(*reason, HasSubstr("share no parameters"));
    } else {
      EXPECT_EQ(method, "gradnorm") << *reason;
      EXPECT_EQ(last_shared_layer_, "");
      EXPECT_THAT(*reason, HasSubstr("names no last shared layer"));
    }
  }
}

TEST_P(EveryBalancer, StepsOrSaysWhyNotInOtherScopes) {
  if (!shares_) return;
  for (const auto& method : balancers().names()) {
    if (!offers_scope(method)) continue;
    for (const std::string scope : {"last_shared_layer", "representation"}) {
      SCOPED_TRACE(method + " " + scope);
      const auto reason = refusal(method, scope);
      if (scope == "representation" && !one_representation_) EXPECT_TRUE(reason);
      if (scope == "last_shared_layer" && last_shared_layer_.empty()) EXPECT_TRUE(reason);
      if (!reason) continue;
      EXPECT_THAT(*reason, AnyOf(HasSubstr("names no last shared layer"), HasSubstr("one representation that all"),
                                 HasSubstr("no common columns"), HasSubstr("would stay untrained"),
                                 HasSubstr("differ from layer to layer"), HasSubstr("norms over weights")));
    }
  }
}

TEST_P(EveryBalancer, MeasuresGradientNorms) {
  TinySession tiny(section_, "{method: equal}");
  const StepResult result = tiny.step(0, "size", /*measure=*/true);
  ASSERT_EQ(result.gradient_norms.size(), 3U);
  EXPECT_TRUE(std::isnan(result.gradient_norms[1]));
  for (size_t t : {0, 2}) EXPECT_EQ(std::isfinite(result.gradient_norms[t]) && result.gradient_norms[t] > 0, shares_);
}

INSTANTIATE_TEST_SUITE_P(On, EveryBalancer, testing::ValuesIn(sharings().names()), name_of);

// Gradients as autograd alone gives them.
class Gradients : public testing::TestWithParam<std::string> {
 protected:
  using Named = std::map<std::string, at::Tensor>;

  static TinySession exact(const std::string& model, const std::string& balancing) {
    TinySession tiny(model, balancing);
    tiny.session.model->to(at::kDouble);
    tiny.optimizer->set_factor(0);  // the step leaves gradients and moves nothing
    return tiny;
  }
  static Batch doubles() {
    Batch batch = TinySession::batch(0);
    for (auto* part : {&batch.inputs, &batch.targets})
      for (auto& [name, tensor] : *part)
        if (tensor.is_floating_point()) tensor = tensor.to(at::kDouble);
    return batch;
  }
  static Named after_step(TinySession& tiny, StepResult& result) {
    LossState state;
    result = Stepper(tiny.session, *tiny.optimizer, tiny.random).step({doubles()}, state, true);
    return gradients(*tiny.session.model);
  }
  static Named gradients(Model& model) {
    Named named;
    for (const auto& p : model.model_parameters())
      named[p.name] = p.tensor.grad().defined() ? p.tensor.grad().clone() : at::zeros_like(p.tensor);
    return named;
  }
  // Of Σ_t factor_t · L_t, or of the penalty alone (no factors).
  static Named plain(TinySession& tiny, const std::vector<double>& factors) {
    Model& model = *tiny.session.model;
    for (auto& p : model.parameters()) p.mutable_grad() = at::Tensor();
    const Batch batch = doubles();
    const auto outputs = model.forward(batch.inputs);
    at::Tensor total = at::zeros({}, at::kDouble);
    for (size_t t = 0; t < factors.size(); ++t)
      total = total +
              factors[t] * tiny.session.tasks[t]->loss(outputs[t], batch.targets.at(tiny.session.tasks[t]->name()), {});
    if (factors.empty()) total = model.penalty();
    if (total.defined()) total.backward();
    return gradients(model);
  }
  // Norms of each task's gradient over the parameters that `counts` picks.
  static std::vector<double> plain_norms(TinySession& tiny, const std::function<bool(const ModelParameter&)>& counts) {
    std::vector<double> norms;
    for (size_t t = 0; t < 3; ++t) {
      std::vector<double> alone(3, 0.0);
      alone[t] = 1;
      const Named of_task = plain(tiny, alone);
      double squares = 0;
      for (const auto& p : tiny.session.model->model_parameters())
        if (counts(p)) squares += of_task.at(p.name).square().sum().item<double>();
      norms.push_back(std::sqrt(squares));
    }
    return norms;
  }
  static void expect_close(const at::Tensor& got, const at::Tensor& expected, const std::string& name) {
    EXPECT_TRUE(at::allclose(got, expected, 1e-9, 1e-11)) << name << " " << (got - expected).abs().max();
  }
};

// Shared parameters get Σ w_t ∇L_t with the method's weights; a task's own, before its features or behind, get its own
// loss's gradient, or w_t times it; the penalty comes on top, unweighted.
TEST_P(Gradients, AreThoseOfAutogradWithTheMethodsWeights) {
  for (const std::string heads : {"own", "weighted"}) {
    for (const char* method : {"upgrad", "pcgrad", "mgda", "moco"}) {
      SCOPED_TRACE(heads + " " + method);
      TinySession tiny = exact(GetParam(), "{method: " + std::string(method) + ", heads: " + heads + "}");
      StepResult result;
      const Named got = after_step(tiny, result);
      const auto& w = result.weights.w;
      const Named shared = plain(tiny, w), own = plain(tiny, heads == "own" ? std::vector<double>(3, 1.0) : w);
      const Named penalty = plain(tiny, {});
      for (const auto& p : tiny.session.model->model_parameters())
        expect_close(got.at(p.name), (p.role == Role::shared ? shared : own).at(p.name) + penalty.at(p.name), p.name);
    }
  }
}

TEST_P(Gradients, OfAJointStepAreThoseOfTheGramSum) {
  TinySession joint = exact(GetParam(), "{method: equal}"), gram = exact(GetParam(), "{method: sum}");
  StepResult one, other;
  const Named a = after_step(joint, one), b = after_step(gram, other);
  for (const auto& [name, gradient] : a) expect_close(b.at(name), gradient, name);
  // Measured beside a joint step and read off M: the same, and what autograd gives for each task.
  const auto norms = plain_norms(joint, [](const ModelParameter& p) { return p.role == Role::shared; });
  for (size_t t = 0; t < 3; ++t) {
    EXPECT_NEAR(one.gradient_norms.at(t), norms[t], 1e-9);
    EXPECT_NEAR(other.gradient_norms.at(t), norms[t], 1e-9);
  }
}

// Several experts have a last layer each.
TEST_P(Gradients, OfTheLastSharedLayerAreMeasuredInAllItsModules) {
  TinySession joint = exact(GetParam(), "{method: equal}");
  TinySession last = exact(GetParam(), "{method: sum, scope: [last_shared_layer]}");
  StepResult one, other;
  const Named a = after_step(joint, one), b = after_step(last, other);
  for (const auto& [name, gradient] : a) expect_close(b.at(name), gradient, name);
  const std::string modules = "," + joint.session.model->last_shared_layer() + ",";
  const auto norms = plain_norms(joint, [&](const ModelParameter& p) {
    return modules.find("," + p.name.substr(0, p.name.rfind('.')) + ",") != std::string::npos;
  });
  for (size_t t = 0; t < 3; ++t) {
    EXPECT_GT(norms[t], 0);
    EXPECT_NEAR(other.gradient_norms.at(t), norms[t], 1e-9);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Of, Gradients,
    testing::Values("{sharing: hard, backbone: {type: mlp, hidden: [4, 3]}}",
                    "{sharing: mmoe, backbone: {type: mlp, hidden: [4, 3]}}",
                    "{sharing: cgc, task_experts: [1, 0, 2], backbone: {type: mlp, hidden: [4, 3]}}",
                    "{sharing: dselect_k, experts: 3, entropy: 0.1, backbone: {type: mlp, hidden: [4, 3]}}"));

// The network of a task that is absent is drawn to the others all the same: the penalty is no task's.
TEST(SoftPenalty, IsAddedToTheGradientAndLogged) {
  TinySession tiny("{sharing: soft, strength: 0.25, same_start: false, backbone: {type: mlp, hidden: [3]}}",
                   "{method: equal}");
  tiny.optimizer->set_factor(0);
  const StepResult result = tiny.step(0, "size");
  const at::Tensor penalty = tiny.session.model->penalty();
  EXPECT_NEAR(result.penalty, penalty.item<double>(), 1e-5);
  const auto state = tiny.session.model->state();
  const at::Tensor got = state.at("backbones.size.hidden.0.fc.weight").grad().clone();
  const at::Tensor expected =
      0.25 * 2 *
      (3 * state.at("backbones.size.hidden.0.fc.weight") - state.at("backbones.kind.hidden.0.fc.weight") -
       state.at("backbones.size.hidden.0.fc.weight") - state.at("backbones.age.hidden.0.fc.weight"));
  EXPECT_TRUE(at::allclose(got, expected, 1e-4, 1e-6));
}

}  // namespace
}  // namespace polytask
