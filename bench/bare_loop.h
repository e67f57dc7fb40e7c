#pragma once
#include <polytask/config/yaml.h>
#include <polytask/data/batch.h>
#include <polytask/io/npy.h>
#include <polytask/training/session.h>

#include <ATen/ATen.h>
#include <torch/nn.h>
#include <torch/optim.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace polytask {

/// What a libtorch user writes by hand for two tasks on one network: the same layers, losses, optimiser and batches as
/// `open_bench_session`, and nothing else.
struct BareModel : torch::nn::Module {
  BareModel(torch::nn::Sequential shared, int64_t features)
      : encoder(shared), digit(features, 10), parity(features, 2) {
    register_module("encoder", encoder);
    register_module("digit", digit);
    register_module("parity", parity);
  }
  void step(torch::optim::Optimizer& optimizer, const at::Tensor& input, const at::Tensor& digits,
            const at::Tensor& odd) {
    optimizer.zero_grad();
    const auto features = encoder->forward(input);
    const auto loss = at::cross_entropy_loss(digit(features), digits) + at::cross_entropy_loss(parity(features), odd);
    loss.backward();
    optimizer.step();
  }
  torch::nn::Sequential encoder;
  torch::nn::Linear digit, parity;
};

/// 256-512-512: 394 k parameters.
inline BareModel bare_mlp() {
  using namespace torch::nn;
  return {Sequential(Linear(256, 512), ReLU(), Linear(512, 512), ReLU()), 512};
}
/// LeNet on 28 × 28: 32 and 64 channels of 5 × 5, 256 features.
inline BareModel bare_lenet() {
  using namespace torch::nn;
  return {Sequential(Conv2d(1, 32, 5), MaxPool2d(2), ReLU(), Conv2d(32, 64, 5), MaxPool2d(2), ReLU(), Flatten(),
                     Linear(1024, 256), ReLU()),
          256};
}

/// Random data for both: x.npy (2048 vectors of 256, or 28 × 28 pictures) and y.npy (labels 0 … 9).
inline void write_bench_data(const std::filesystem::path& directory, bool images) {
  std::filesystem::create_directories(directory);
  write_npy(directory / "x.npy", images ? at::randn({2048, 1, 28, 28}) : at::randn({2048, 256}));
  write_npy(directory / "y.npy", at::randint(10, {2048}, at::kLong).to(at::kFloat));
}

/// Our session on that data: the same arithmetic, equal weighting, Adam, no gradient monitoring.
inline Session open_bench_session(const std::string& backbone, const std::filesystem::path& directory) {
  write_bench_data(directory, backbone.find("lenet") != std::string::npos);
  Node node = parse_yaml("data: {source: arrays, path: " + (directory / "x.npy").string() + ", columns: {label: " +
                             (directory / "y.npy").string() + "}, batch_size: 64}\nmodel: {backbone: " + backbone +
                             "}\ntasks:\n  digit: {type: classification, target: label, classes: 10}\n"
                             "  parity: {type: classification, target: label mod 2, classes: 2}\n"
                             "optimizer: {type: adam, lr: 1e-3, weight_decay: 0}\n"
                             "tracking: {gradients: {every: -1}}\n",
                         "bench");
  set_paths(node);
  return open_session(resolve_experiment(node));
}

inline const char* kMlp = "{type: mlp, hidden: [512, 512]}";
inline const char* kLenet = "{type: lenet, channels: [32, 64], kernel: 5, features: 256}";

}  // namespace polytask
