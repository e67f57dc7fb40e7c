#include <polytask/balancing/gram_balancer.h>

#include <balancing/engine_support.h>
#include <balancing/support.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace polytask {
namespace {

// Weighs by fixed numbers and remembers what it was given.
class Recorder : public GramWeighting {
 public:
  explicit Recorder(std::vector<double> weights, BlockSize blocks = BlockSize::whole)
      : weights_(std::move(weights)), blocks_(blocks) {}
  Needs needs() const override {
    Needs needs;
    needs.blocks = blocks_;
    return needs;
  }
  GramWeights weigh(const GramState& gram, const LossState&) override {
    seen = gram;
    ++calls;
    GramWeights result;
    for (int64_t t : gram.tasks) result.w.push_back(weights_[static_cast<size_t>(t)]);
    if (blocks_ != BlockSize::whole)
      for (size_t b = 0; b < gram.blocks.size(); ++b) {
        result.block_w.push_back(result.w);
        for (double& w : result.block_w.back()) w *= static_cast<double>(b + 1);
      }
    return result;
  }
  GramState seen;
  int calls = 0;

 private:
  std::vector<double> weights_;
  BlockSize blocks_;
};

struct Step {
  GramState gram;
  Weights weights;
  std::vector<at::Tensor> gradients;  // of net.parameters
  int calls = 0;
};

const std::vector<double> kWeights = {0.5, -1.25, 2.0};

Step take_step(TinyNet& net, const GramOptions& options, bool apart = true, int64_t batches = 1,
               BlockSize blocks = BlockSize::whole) {
  auto owned = std::make_unique<Recorder>(kWeights, blocks);
  Recorder& recorder = *owned;
  GramBalancer balancer(std::move(owned), options);
  balancer.prepare({net.parameters, net.last_shared_layer});
  Step step;
  net.zero_grad();
  for (int64_t b = 0; b < batches; ++b) step.weights = net.backward(balancer, b, batches, apart);
  step.gram = recorder.seen;
  step.calls = recorder.calls;
  step.gradients = net.gradients();
  return step;
}

GramOptions with_gram(const std::string& gram) {
  GramOptions options;
  options.gram = gram;
  return options;
}

void expect_near(const Matrix& got, const Matrix& expected, double tolerance) {
  ASSERT_EQ(got.rows(), expected.rows());
  double size = 0;
  for (int64_t i = 0; i < got.rows(); ++i)
    for (int64_t j = 0; j < got.cols(); ++j) size = std::max(size, std::abs(expected(i, j)));
  for (int64_t i = 0; i < got.rows(); ++i)
    for (int64_t j = 0; j < got.cols(); ++j) EXPECT_NEAR(got(i, j), expected(i, j), tolerance * size) << i << ' ' << j;
}

void expect_near(const std::vector<at::Tensor>& got, const std::vector<at::Tensor>& expected, double tolerance) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_EQ(got[i].defined(), expected[i].defined()) << i;
    if (!got[i].defined()) continue;
    const double size = std::max(1e-12, expected[i].abs().max().item<double>());
    EXPECT_LE((got[i] - expected[i]).abs().max().item<double>(), tolerance * size) << i;
  }
}

// For every kind of encoder: walk and outputs give the M and the step of plain autograd.
class EngineOnNets : public testing::TestWithParam<std::tuple<std::string, std::string, bool>> {};

TEST_P(EngineOnNets, GivesMAndStepOfPlainAutograd) {
  const auto& [kind, gram, apart] = GetParam();
  TinyNet net(kind, at::kDouble);
  const Step step = take_step(net, with_gram(gram), apart);
  const auto rows = net.shared_rows();
  expect_near(step.gram.gram, net.gram_of(rows), 1e-12);
  expect_near(step.gradients, net.expected_gradients(kWeights, {1, 1, 1}), 1e-12);
  EXPECT_EQ(step.weights.w, kWeights);
}

INSTANTIATE_TEST_SUITE_P(Kinds, EngineOnNets,
                         testing::Combine(testing::Values("mlp", "mlp_no_bias", "mlp_tanh", "conv", "batch_norm",
                                                          "tied", "sequence"),
                                          testing::Values("walk", "outputs", "auto"), testing::Bool()),
                         [](const auto& info) {
                           return std::get<0>(info.param) + "_" + std::get<1>(info.param) +
                                  (std::get<2>(info.param) ? "_apart" : "_whole");
                         });

TEST(Engine, OutputsInFloat32AgreeWithWalkToRounding) {
  TinyNet net("mlp", at::kFloat);
  const Step walk = take_step(net, with_gram("walk"));
  const Step outputs = take_step(net, with_gram("outputs"));
  expect_near(outputs.gram.gram, walk.gram.gram, 1e-5);
  expect_near(outputs.gradients, walk.gradients, 1e-5);
}

TEST(Engine, WeightedHeadsReceiveTheirWeight) {
  TinyNet net("mlp", at::kDouble);
  GramOptions options;
  options.gradients.heads = "weighted";
  const Step step = take_step(net, options);
  expect_near(step.gradients, net.expected_gradients(kWeights, kWeights), 1e-12);
}

TEST(Engine, AccumulatesTaskGradientsOverBatches) {
  for (const bool apart : {true, false}) {
    TinyNet net("mlp", at::kDouble);
    const Step step = take_step(net, with_gram("auto"), apart, 2);
    const auto rows = net.shared_rows(2);
    expect_near(step.gram.gram, net.gram_of(rows), 1e-12);
    expect_near(step.gradients, net.expected_gradients(kWeights, {1, 1, 1}, 2), 1e-12);
    EXPECT_EQ(step.calls, 1);
  }
}

TEST(Engine, AScopeOfOneLayerMeasuresItAndTrainsEverything) {
  for (const bool apart : {true, false})
    for (const int64_t batches : {1, 2})
      for (const char* gram : {"walk", "outputs"}) {
        TinyNet net("mlp", at::kDouble);
        GramOptions options = with_gram(gram);
        options.gradients.scope = {"last_shared_layer"};
        const Step step = take_step(net, options, apart, batches);
        expect_near(step.gram.gram, net.gram_of(net.shared_rows(batches, net.last_shared_layer)), 1e-12);
        expect_near(step.gradients, net.expected_gradients(kWeights, {1, 1, 1}, batches), 1e-12);
      }
}

TEST(Engine, TheRepresentationMeasuresFeatures) {
  for (const int64_t batches : {1, 2}) {
    TinyNet net("mlp", at::kDouble);
    GramOptions options;
    options.gradients.scope = {"representation"};
    const Step step = take_step(net, options, true, batches);
    expect_near(step.gram.gram, net.gram_of(net.feature_rows(batches)), 1e-12);
    expect_near(step.gradients, net.expected_gradients(kWeights, {1, 1, 1}, batches), 1e-12);
  }
}

TEST(Engine, RowsOfTheRepresentationMayBeSumsOverTheBatch) {
  TinyNet net("mlp", at::kDouble);
  GramOptions options;
  options.gradients.scope = {"representation"};
  options.gradients.representation_rows = "batch_sum";
  const Step step = take_step(net, options);
  std::vector<at::Tensor> rows;
  for (const auto& row : net.feature_rows(1)) rows.push_back(row.view({3, -1}).sum(0));
  expect_near(step.gram.gram, net.gram_of(rows), 1e-12);
}

TEST(Engine, BlocksSumToTheWholeAndHaveTheirOwnWeights) {
  TinyNet net("mlp", at::kDouble);
  const Step step = take_step(net, with_gram("auto"), true, 1, BlockSize::layer);
  ASSERT_EQ(step.gram.blocks.size(), 2u);
  Matrix sum(3, 3);
  for (int64_t i = 0; i < 3; ++i)
    for (int64_t j = 0; j < 3; ++j) sum(i, j) = step.gram.blocks[0](i, j) + step.gram.blocks[1](i, j);
  expect_near(sum, step.gram.gram, 1e-12);
  auto expected = net.expected_gradients(kWeights, {1, 1, 1});
  expected[2].mul_(2);  // the second layer's weight and bias
  expected[3].mul_(2);
  expect_near(step.gradients, expected, 1e-12);
}

TEST(Engine, AbsentTasksTakeNoPart) {
  TinyNet net("mlp", at::kDouble);
  net.absent = {1};
  for (const char* gram : {"walk", "outputs"}) {
    const Step step = take_step(net, with_gram(gram));
    EXPECT_EQ(step.gram.tasks, (std::vector<int64_t>{0, 2}));
    EXPECT_EQ(step.weights.w, (std::vector<double>{0.5, 0, 2}));
    expect_near(step.gradients, net.expected_gradients({0.5, 0, 2}, {1, 0, 1}), 1e-12);
  }
}

TEST(Engine, TasksMayBeAbsentFromSomeOfAStepsBatches) {
  for (const char* scope : {"shared", "last_shared_layer", "representation"})
    for (const bool apart : {true, false}) {
      if (!apart && std::string(scope) == "representation") continue;
      SCOPED_TRACE(std::string(scope) + (apart ? ", apart" : ", whole"));
      TinyNet net("mlp", at::kDouble);
      net.absent_at_first = {0, 2};
      GramOptions options;
      options.gradients.scope = {scope};
      const Step step = take_step(net, options, apart, 2);
      const auto rows = std::string(scope) == "representation" ? net.feature_rows(2)
                        : std::string(scope) == "shared"       ? net.shared_rows(2)
                                                               : net.shared_rows(2, net.last_shared_layer);
      expect_near(step.gram.gram, net.gram_of(rows), 1e-12);
      expect_near(step.gradients, net.expected_gradients(kWeights, {1, 1, 1}, 2), 1e-12);
    }
}

TEST(Engine, AFrozenScopeIsRefusedWhereTheRestIsTrained) {
  TinyNet net("mlp", at::kDouble);
  net.parameters[2].tensor.requires_grad_(false);
  net.parameters[3].tensor.requires_grad_(false);
  GramOptions options;
  options.gradients.scope = {"last_shared_layer"};
  GramBalancer balancer(std::make_unique<Recorder>(kWeights), options);
  EXPECT_THAT(message_of<InputError>([&] {
                balancer.prepare({net.parameters, net.last_shared_layer});
              }),
              testing::HasSubstr("frozen"));
}

TEST(Engine, EveryFamilyTrainsTheHeadsOfAFrozenEncoder) {
  TinyNet net("mlp", at::kDouble);
  for (size_t i = 0; i < 4; ++i) net.parameters[i].tensor.requires_grad_(false);
  for (const char* method : {"trimmed_mean", "moco", "excess", "mgda", "upgrad", "imtl_g", "nash"}) {
    const auto balancer = make_balancer(std::string("{method: ") + method + "}", numbered_tasks(3));
    balancer->prepare({net.parameters, net.last_shared_layer});
    net.zero_grad();
    net.backward(*balancer, 0, 1, true);
    expect_near(net.gradients(), net.expected_gradients({0, 0, 0}, {1, 1, 1}), 1e-12);
  }
}

TEST(Engine, FrozenLayersTakeNoPartAndMayBeFreedAgain) {
  TinyNet net("mlp", at::kDouble);
  auto owned = std::make_unique<Recorder>(kWeights);
  Recorder& recorder = *owned;
  GramBalancer balancer(std::move(owned), with_gram("auto"));
  balancer.prepare({net.parameters, net.last_shared_layer});
  net.parameters[0].tensor.requires_grad_(false);
  net.zero_grad();
  net.backward(balancer, 0, 1, true);
  expect_near(recorder.seen.gram, net.gram_of(net.shared_rows()), 1e-12);
  net.parameters[0].tensor.requires_grad_(true);
  net.zero_grad();
  net.backward(balancer, 0, 1, true);
  expect_near(recorder.seen.gram, net.gram_of(net.shared_rows()), 1e-12);
  expect_near(net.gradients(), net.expected_gradients(kWeights, {1, 1, 1}), 1e-12);
}

TEST(Engine, EveryKReusesWeightsAndKeepsHeadsTheirOwn) {
  for (const bool apart : {true, false}) {
    TinyNet net("mlp", at::kDouble);
    auto owned = std::make_unique<Recorder>(kWeights);
    Recorder& recorder = *owned;
    GramOptions options;
    options.every = 3;
    GramBalancer balancer(std::move(owned), options);
    balancer.prepare({net.parameters, net.last_shared_layer});
    for (int64_t step = 0; step < 7; ++step) {
      net.zero_grad();
      net.step = step;
      const Weights weights = net.backward(balancer, 0, 1, apart);
      EXPECT_EQ(weights.w, kWeights);
      expect_near(net.gradients(), net.expected_gradients(kWeights, {1, 1, 1}), 1e-12);
    }
    EXPECT_EQ(recorder.calls, 3);
  }
}

TEST(Engine, EveryKIsPartOfTheState) {
  TinyNet net("mlp", at::kDouble);
  GramOptions options;
  options.every = 4;
  GramBalancer first(std::make_unique<Recorder>(kWeights), options);
  first.prepare({net.parameters, net.last_shared_layer});
  net.backward(first, 0, 1, true);
  auto owned = std::make_unique<Recorder>(std::vector<double>{9, 9, 9});
  Recorder& recorder = *owned;
  GramBalancer second(std::move(owned), options);
  second.prepare({net.parameters, net.last_shared_layer});
  second.load_state(first.state());
  net.step = 3;
  EXPECT_EQ(net.backward(second, 0, 1, true).w, kWeights);
  EXPECT_EQ(recorder.calls, 0);
  net.step = 4;
  EXPECT_EQ(net.backward(second, 0, 1, true).w, (std::vector<double>{9, 9, 9}));
}

TEST(Engine, AGradientThatIsNotFiniteIsNamedBeforeAnythingIsChanged) {
  TinyNet net("mlp", at::kDouble);
  net.poisoned = 1;
  GramBalancer balancer(std::make_unique<Recorder>(kWeights), with_gram("auto"));
  balancer.prepare({net.parameters, net.last_shared_layer});
  net.zero_grad();
  EXPECT_EQ(net.backward(balancer, 0, 1, true).not_finite, (std::vector<int64_t>{1}));
  for (const auto& gradient : net.gradients()) EXPECT_FALSE(gradient.defined());
  net.skip_tasks = true;
  const Weights weights = net.backward(balancer, 0, 1, true);
  EXPECT_EQ(weights.w, (std::vector<double>{0.5, 0, 2}));
  net.poisoned = -1;
  net.absent = {1};
  expect_near(net.gradients(), net.expected_gradients({0.5, 0, 2}, {1, 0, 1}), 1e-12);
}

TEST(Engine, UnknownScopesAreRefusedBeforeTraining) {
  TinyNet net("mlp", at::kDouble);
  const auto refusal = [&](std::vector<std::string> scope, const std::string& last_layer) {
    GramOptions options;
    options.gradients.scope = std::move(scope);
    GramBalancer balancer(std::make_unique<Recorder>(kWeights), options);
    return message_of<InputError>([&] { balancer.prepare({net.parameters, last_layer}); });
  };
  EXPECT_NE(refusal({"encoder.3"}, "").find("no shared parameter lies in \"encoder.3\""), std::string::npos);
  EXPECT_NE(refusal({"last_shared_layer"}, "").find("names no last shared layer"), std::string::npos);
  EXPECT_NE(refusal({"shared", "encoder.0"}, "").find("stands for itself"), std::string::npos);
}

TEST(Engine, OneBufferAndNoneWhereOutputsSuffice) {
  TinyNet net("mlp", at::kFloat);
  // A bare engine: the balancer does not show its parts.
  EXPECT_EQ(net.buffer_bytes("walk"), 3 * net.shared_size() * 4);
  EXPECT_EQ(net.buffer_bytes("outputs"), 0);
}

}  // namespace
}  // namespace polytask
