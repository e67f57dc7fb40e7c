#pragma once
#include <polytask/core/options.h>
#include <polytask/nn/backbones/resnet.h>
#include <polytask/nn/model.h>
#include <polytask/nn/sharing/task_heads.h>
#include <polytask/nn/sharing/trunk_input.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace polytask {

struct MtanOptions {
  Node backbone;
  std::string input;
  void fields(Fields& f);
};

/// A mask for the maps of one layer of the trunk: sigmoid(BN(1×1(ReLU(BN(1×1(z)))))), [B, inputs, H, W] →
/// [B, channels, H, W]. Names conv1, bn1, conv2, bn2.
class AttentionMask : public torch::nn::Module {
 public:
  AttentionMask(int64_t inputs, int64_t hidden, int64_t channels);
  at::Tensor forward(const at::Tensor& z);

 private:
  torch::nn::Conv2d conv1_{nullptr}, conv2_{nullptr};
  torch::nn::BatchNorm2d bn1_{nullptr}, bn2_{nullptr};
};

/// Multi-task attention network (Liu et al., CVPR 2019) on a residual trunk, as LibMTL divides it. In every layer, with
/// u the maps before its last block and v those after, task t takes a_t = mask_t(u, what it took below) · v; a residual
/// block that all tasks share carries a_t to the width of the next layer, pooled 2×2 where that has half the size. A
/// mask's hidden width is that of the layer's blocks. A task's levels are the trunk's, attended: a_t of every layer,
/// and the mean over space of the last.
///
/// Images may have any size: pooling rounds up, as the trunk's strided convolutions do (LibMTL rounds down and fails on
/// odd sizes; on even ones both agree).
///
/// The shared blocks see one task's maps after another's, so in training their batch normalisation uses the statistics
/// of one task at a time and their running statistics move T times a step, in the order of tasks. That keeps what a
/// task learns from independent of who else is in the step; in evaluation all use the common running average, in which
/// a step's tasks weigh almost alike.
///
/// Trunk and blocks are shared parameters, a task's masks its own. Names: trunk.…, blocks.<layer>.… (the layer that
/// they lead to), attention.<task>.<layer>.…, heads.<task>.….
class Mtan : public Model {
 public:
  /// Throws InputError where a layer of the trunk has a single block: there is no map before its last.
  Mtan(std::shared_ptr<Resnet> trunk, const std::vector<TaskHead>& tasks, uint64_t seed, TrunkInput input = {},
       const std::map<std::string, InputShape>& inputs = {});

  const std::vector<std::string>& tasks() const override { return heads_->tasks(); }
  std::vector<Features> represent(const NamedTensors& inputs) override;
  at::Tensor decode(int64_t task, const Features& features, const NamedTensors& inputs) override;
  std::vector<ModelParameter> model_parameters() override;
  std::string last_shared_layer() const override;

 private:
  struct LayerMaps {
    at::Tensor before_last, last;
  };
  LayerMaps run_layer(size_t layer, const at::Tensor& x);
  void add_blocks();
  void add_attention(const std::string& task);
  at::Tensor carry(size_t layer, const at::Tensor& attended);  // to the next layer

  TrunkInput input_;
  std::shared_ptr<Resnet> trunk_;
  std::vector<Level> layers_;  // the trunk's spatial levels
  std::shared_ptr<torch::nn::Module> attention_, blocks_;
  std::vector<std::vector<std::shared_ptr<AttentionMask>>> masks_;  // [task][layer]
  std::vector<std::shared_ptr<ResidualBlock>> carriers_;            // [layer], but the last
  std::shared_ptr<TaskHeads> heads_;
};

}  // namespace polytask
