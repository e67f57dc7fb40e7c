#include <polytask/balancing/gram_balancer.h>
#include <polytask/config/yaml.h>
#include <polytask/nn/model.h>

#include <gtest/gtest.h>

#include <torch/types.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace polytask {
namespace {

// Weighs tasks by 2, −1 and remembers M.
class Fixed : public GramWeighting {
 public:
  explicit Fixed(Matrix& seen) : seen_(seen) {}
  GramWeights weigh(const GramState& gram, const LossState&) override {
    seen_ = gram.gram;
    GramWeights result;
    result.w = {2, -1};
    return result;
  }

 private:
  Matrix& seen_;
};

// Heads are fed several levels of the encoder, and give maps.
TEST(UnetGradients, AreThoseOfPlainAutograd) {
  const Node head = parse_yaml("{type: unet_decoder}", "test.yaml");
  ModelContext context;
  context.input_shapes["x"] = {2, 9, 8};
  context.tasks = {{"genus", 3, head}, {"height", 1, head}};
  const auto model = create_model(parse_yaml("backbone: {type: unet, width: 2, depth: 2}", "test.yaml"), context);
  model->to(at::kDouble);
  const at::Tensor x = torch::randn({2, 2, 9, 8}, at::kDouble);
  const auto loss_of = [&](int64_t task, const Features& features) {
    return model->decode(task, features, {}).square().mean();
  };
  std::vector<at::Tensor> shared, rows, whole;
  for (const auto& p : model->model_parameters())
    if (p.role == Role::shared) shared.push_back(p.tensor);
  const Features once = model->represent({{"x", x}})[0];
  for (int64_t t = 0; t < 2; ++t) {
    std::vector<at::Tensor> parts;
    for (const auto& g : torch::autograd::grad({loss_of(t, once)}, shared, {}, /*retain_graph=*/true))
      parts.push_back(g.flatten());
    rows.push_back(torch::cat(parts));
  }
  for (const char* gram : {"walk", "auto"}) {
    SCOPED_TRACE(gram);
    Matrix seen;
    GramOptions options;
    options.gram = gram;
    GramBalancer balancer(std::make_unique<Fixed>(seen), options);
    balancer.prepare({model->model_parameters(), model->last_shared_layer()});
    for (const auto& p : model->parameters()) p.mutable_grad() = at::Tensor();
    const Features features = model->represent({{"x", x}})[0];
    Features leaves;
    for (const auto& level : features) leaves.push_back(level.detach().requires_grad_());
    LossState state = LossState::of({0, 0});
    std::vector<at::Tensor> losses = {loss_of(0, leaves), loss_of(1, leaves)};
    for (size_t t = 0; t < 2; ++t) state.losses[t] = losses[t].item<double>();
    BackwardContext backward{losses, model->model_parameters()};
    backward.features = {features};
    backward.leaves = {leaves};
    backward.last = true;
    balancer.backward(backward, state);
    for (int64_t i = 0; i < 2; ++i)
      for (int64_t j = 0; j < 2; ++j) {
        const double expected = rows[static_cast<size_t>(i)].dot(rows[static_cast<size_t>(j)]).item<double>();
        EXPECT_NEAR(seen(i, j), expected, 1e-10 * std::abs(expected));
      }
    std::vector<at::Tensor> step;
    for (const auto& p : shared) step.push_back(p.grad().flatten());
    EXPECT_TRUE(torch::allclose(torch::cat(step), 2 * rows[0] - rows[1], 1e-9, 1e-14));
    for (const auto& p : model->model_parameters())
      if (p.role == Role::task) EXPECT_TRUE(p.tensor.grad().defined()) << p.name;
  }
}

}  // namespace
}  // namespace polytask
