// A whole step of a gradient method (losses to .grad) on an MLP of 394 k parameters and on LeNet, batch 64:
//   walk_ratio   gram: walk over [forward + heads' backward + T encoder walks + one write and two reads of T × P], each
//                part measured beside it in the same round
//   auto_ratio   gram: auto over gram: walk
// and, with Adam, milliseconds of whole training steps. Parts alternate; every figure is a median over the rounds.
#include <polytask/balancing/balancer.h>
#include <polytask/balancing/gradients/engine.h>
#include <polytask/core/memory.h>
#include <polytask/core/random.h>
#include <polytask/core/threads.h>

#include <benchmark/benchmark.h>

#include <ATen/ATen.h>
#include <torch/nn.h>
#include <torch/optim/adam.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace polytask {
namespace {

using torch::nn::Linear;

double milliseconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return 1e3 * std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// An encoder with T linear heads, written with libtorch alone.
struct Net {
  Net(const std::string& kind, int64_t tasks) : tasks_(tasks) {
    using namespace torch::nn;
    const bool mlp = kind == "mlp";
    encoder = mlp ? Sequential(Linear(256, 512), ReLU(), Linear(512, 512), ReLU())
                  : Sequential(Conv2d(1, 32, 5), MaxPool2d(2), ReLU(), Conv2d(32, 64, 5), MaxPool2d(2), ReLU(),
                               Flatten(), Linear(1024, 256), ReLU());
    const int64_t width = mlp ? 512 : 256;
    last_shared_layer = mlp ? "encoder.2" : "encoder.7";
    input = mlp ? at::randn({64, 256}) : at::randn({64, 1, 28, 28});
    for (const auto& item : encoder->named_parameters())
      parameters.push_back({"encoder." + item.key(), item.value(), Role::shared, -1});
    for (int64_t t = 0; t < tasks; ++t) {
      heads.push_back(Linear(width, 1));
      targets.push_back(at::randn({64, 1}));
      for (const auto& item : heads.back()->named_parameters())
        parameters.push_back({"heads." + std::to_string(t) + "." + item.key(), item.value(), Role::task, t});
    }
  }

  std::vector<at::Tensor> losses(const at::Tensor& features) {
    std::vector<at::Tensor> result;
    for (size_t t = 0; t < heads.size(); ++t) result.push_back(at::mse_loss(heads[t](features), targets[t]));
    return result;
  }
  std::vector<at::Tensor> shared() const {
    std::vector<at::Tensor> result;
    for (const auto& parameter : parameters)
      if (parameter.role == Role::shared) result.push_back(parameter.tensor);
    return result;
  }
  int64_t shared_size() const {
    int64_t size = 0;
    for (const auto& tensor : shared()) size += tensor.numel();
    return size;
  }

  // The parts of a step by walks, without anything that is ours.
  double bare_parts() {
    at::Tensor features, leaf;
    std::vector<at::Tensor> deltas;
    double total = milliseconds([&] {
      features = encoder->forward(input);
      leaf = features.detach().requires_grad_();
      const auto all = losses(leaf);
      for (size_t t = 0; t < heads.size(); ++t)
        deltas.push_back(torch::autograd::grad({all[t]}, {leaf, heads[t]->weight, heads[t]->bias})[0]);
    });
    const auto inputs = shared();
    total += milliseconds([&] {
      for (size_t t = 0; t < heads.size(); ++t)
        torch::autograd::grad({features}, inputs, {deltas[t]}, t + 1 < heads.size());
    });
    if (!matrix.defined()) matrix = at::zeros({tasks_, shared_size()});
    total += milliseconds([&] {
      matrix.fill_(1);
      benchmark::DoNotOptimize(matrix.sum().item<float>() + matrix.sum().item<float>());
    });
    return total;
  }

  void step(Balancer& balancer, LossState state) {
    for (auto& parameter : parameters) parameter.tensor.mutable_grad() = at::Tensor();
    const at::Tensor features = encoder->forward(input);
    const at::Tensor leaf = features.detach().requires_grad_();
    const auto all = losses(balancer.splits_graph() ? leaf : features);
    for (size_t t = 0; t < all.size(); ++t) state.losses[t] = all[t].item<double>();
    BackwardContext context{all, parameters};
    if (balancer.splits_graph()) {
      context.features = {{features}};
      context.leaves = {{leaf}};
    }
    balancer.backward(context, state);
  }

  torch::nn::Sequential encoder;
  std::string last_shared_layer;
  std::vector<Linear> heads;
  at::Tensor input, matrix;
  std::vector<at::Tensor> targets;
  std::vector<ModelParameter> parameters;

 private:
  int64_t tasks_;
};

std::unique_ptr<Balancer> make(const Net& net, const std::string& method, const std::string& gram) {
  Node node = Node::map_of({{"method", Node::scalar_of(method)}});
  if (!gram.empty()) node.set("gram", Node::scalar_of(gram));
  auto balancer = balancers().create(node);
  std::vector<TaskInfo> tasks;
  for (size_t t = 0; t < net.heads.size(); ++t) tasks.push_back({"t" + std::to_string(t), "regression", 1});
  balancer->method().setup(tasks);
  balancer->prepare({net.parameters, net.last_shared_layer});
  return balancer;
}

LossState state_of(int64_t tasks, Draws& draws) {
  LossState state = LossState::of(std::vector<double>(static_cast<size_t>(tasks), 1.0));
  state.draws = &draws;
  return state;
}

void whole_step(benchmark::State& state, const std::string& kind) {
  const int64_t tasks = state.range(0);
  Net net(kind, tasks);
  Random random(1);
  StreamDraws draws(random);
  const LossState facts = state_of(tasks, draws);
  std::map<std::string, std::unique_ptr<Balancer>> engines;
  for (const char* gram : {"walk", "auto"}) engines[gram] = make(net, "mean", gram);
  if (kind == "mlp") engines["outputs"] = make(net, "mean", "outputs");  // a convolution's many positions make it slow
  std::map<std::string, std::vector<double>> times;
  const int rounds = kind == "mlp" && tasks < 40 ? 41 : 11;
  for (auto _ : state)
    for (int round = -3; round < rounds; ++round) {
      const double bare = net.bare_parts();
      if (round >= 0) times["bare"].push_back(bare);
      for (auto& [gram, balancer] : engines) {
        const double time = milliseconds([&, &b = balancer] { net.step(*b, facts); });
        if (round >= 0) times[gram].push_back(time);
      }
    }
  const auto ratio = [&](const char* of, const char* to) {
    std::vector<double> ratios;
    for (size_t i = 0; i < times[of].size(); ++i) ratios.push_back(times[of][i] / times[to][i]);
    return median(ratios);
  };
  state.counters["walk_ms"] = median(times["walk"]);
  state.counters["walk_ratio"] = ratio("walk", "bare");
  if (kind == "mlp") state.counters["outputs_ratio"] = ratio("outputs", "walk");
  state.counters["auto_ratio"] = ratio("auto", "walk");
}

void step_mlp(benchmark::State& state) { whole_step(state, "mlp"); }
void step_lenet(benchmark::State& state) { whole_step(state, "lenet"); }
BENCHMARK(step_mlp)->Arg(3)->Arg(10)->Arg(40)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(step_lenet)->Arg(3)->Arg(10)->Arg(40)->Iterations(1)->Unit(benchmark::kMillisecond);

// Forward, balancing and Adam.
void training_step(benchmark::State& state, const std::string& method) {
  const int64_t tasks = state.range(0);
  Net net("mlp", tasks);
  Random random(1);
  StreamDraws draws(random);
  LossState facts = state_of(tasks, draws);
  const auto balancer = make(net, method, "");
  std::vector<at::Tensor> tensors;
  for (const auto& parameter : net.parameters) tensors.push_back(parameter.tensor);
  for (const auto& [name, scale] : balancer->method().parameters()) tensors.push_back(scale);
  torch::optim::Adam adam(tensors, torch::optim::AdamOptions(1e-3));
  std::vector<double> times;
  for (auto _ : state)
    for (int round = -3; round < 31; ++round) {
      const double time = milliseconds([&] {
        net.step(*balancer, facts);
        adam.step();
        balancer->method().after_step(facts);
      });
      ++facts.step;
      if (round >= 0) times.push_back(time);
    }
  state.counters["step_ms"] = median(times);
}

}  // namespace
}  // namespace polytask

int main(int argc, char** argv) {
  polytask::configure_allocator();
  polytask::set_threads(0);
  for (const char* method : {"equal", "pcgrad", "cagrad", "mgda", "gradnorm", "nash", "imtl_g", "upgrad", "graddrop"})
    benchmark::RegisterBenchmark((std::string("training_step_mlp/") + method).c_str(),
                                 [method](benchmark::State& state) { polytask::training_step(state, method); })
        ->Arg(3)
        ->Arg(10)
        ->Iterations(1)
        ->Unit(benchmark::kMillisecond);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
