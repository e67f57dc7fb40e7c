#include <polytask/core/error.h>
#include <polytask/core/random.h>
#include <polytask/nn/layers/batch_norm.h>
#include <polytask/nn/register.h>
#include <polytask/nn/sharing/mtan.h>

#include <ATen/ATen.h>

#include <utility>

namespace polytask {
namespace {

torch::nn::Conv2d pointwise(int64_t inputs, int64_t outputs) {
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(inputs, outputs, 1));
}

std::unique_ptr<Model> create_mtan(const MtanOptions& options, const ModelContext& context) {
  check_task_names(context.tasks);
  TrunkInput input(options.input, context);
  seed_torch(context.seed, "init/backbone");
  const std::shared_ptr<Backbone> backbone = backbones().create(options.backbone, input.shape());
  auto trunk = std::dynamic_pointer_cast<Resnet>(backbone);
  if (!trunk)
    throw InputError(
        "{}: mtan attends to the maps before and after the last block of every layer of a residual "
        "network, and {} has no such blocks: use resnet18, resnet34 or resnet50",
        options.backbone.where(), options.backbone.text_or("type", "this backbone"));
  return std::make_unique<Mtan>(std::move(trunk), context.tasks, context.seed, std::move(input), context.input_shapes);
}

}  // namespace

void MtanOptions::fields(Fields& f) {
  f.field("backbone", backbone, "the shared trunk, a residual network: its type and options");
  f.field("input", input, "the input that the trunk reads; empty: the only one that no head takes for itself");
}

AttentionMask::AttentionMask(int64_t inputs, int64_t hidden, int64_t channels)
    : conv1_(register_module("conv1", pointwise(inputs, hidden))),
      conv2_(register_module("conv2", pointwise(hidden, channels))),
      bn1_(register_module("bn1", torch::nn::BatchNorm2d(hidden))),
      bn2_(register_module("bn2", torch::nn::BatchNorm2d(channels))) {}

at::Tensor AttentionMask::forward(const at::Tensor& z) {
  require_batch_statistics(z, bn1_->is_training());
  return at::sigmoid(bn2_->forward(conv2_->forward(at::relu(bn1_->forward(conv1_->forward(z))))));
}

Mtan::Mtan(std::shared_ptr<Resnet> trunk, const std::vector<TaskHead>& tasks, uint64_t seed, TrunkInput input,
           const std::map<std::string, InputShape>& inputs)
    : input_(std::move(input)),
      trunk_(register_module("trunk", std::move(trunk))),
      attention_(register_module("attention", std::make_shared<torch::nn::Module>("attention"))),
      blocks_(register_module("blocks", std::make_shared<torch::nn::Module>("blocks"))) {
  check_task_names(tasks);
  for (const auto& level : trunk_->levels())
    if (level.spatial()) layers_.push_back(level);
  for (size_t i = 0; i < layers_.size(); ++i)
    if (trunk_->blocks(i).size() < 2)
      throw InputError(
          "model.backbone: mtan attends to the maps before the last block of every layer, and {} has one "
          "block only: it needs two or more",
          layers_[i].name);
  seed_torch(seed, "init/blocks");
  add_blocks();
  for (const auto& task : tasks) {
    seed_torch(seed, "init/attention/" + task.name);
    add_attention(task.name);
  }
  heads_ = register_module(
      "heads", std::make_shared<TaskHeads>(tasks, std::vector<std::vector<Level>>{trunk_->levels()}, inputs, seed));
}

void Mtan::add_blocks() {
  const BlockType type = trunk_->block_type();
  for (size_t i = 0; i + 1 < layers_.size(); ++i) {
    const int64_t width = layers_[i + 1].channels / expansion_of(type);
    carriers_.push_back(
        blocks_->register_module(layers_[i + 1].name, make_block(type, layers_[i].channels, width, 1, true)));
  }
}

void Mtan::add_attention(const std::string& task) {
  auto own = attention_->register_module(task, std::make_shared<torch::nn::Module>(task));
  masks_.emplace_back();
  for (size_t i = 0; i < layers_.size(); ++i) {
    const int64_t channels = layers_[i].channels, hidden = channels / expansion_of(trunk_->block_type());
    auto mask = std::make_shared<AttentionMask>(i == 0 ? channels : 2 * channels, hidden, channels);
    masks_.back().push_back(own->register_module(layers_[i].name, std::move(mask)));
  }
}

Mtan::LayerMaps Mtan::run_layer(size_t layer, const at::Tensor& x) {
  const auto& blocks = trunk_->blocks(layer);
  LayerMaps maps{x, {}};
  for (size_t k = 0; k + 1 < blocks.size(); ++k) maps.before_last = blocks[k]->forward(maps.before_last);
  maps.last = blocks.back()->forward(maps.before_last);
  return maps;
}

at::Tensor Mtan::carry(size_t layer, const at::Tensor& attended) {
  const at::Tensor y = carriers_[layer]->forward(attended);
  const bool halved = layers_[layer + 1].stride != layers_[layer].stride;
  return halved ? at::max_pool2d(y, 2, 2, 0, 1, /*ceil_mode=*/true) : y;
}

std::vector<Features> Mtan::represent(const NamedTensors& inputs) {
  const size_t count = masks_.size();
  std::vector<Features> features(count);
  at::Tensor x = trunk_->stage(0, input_.of(inputs));
  std::vector<at::Tensor> below(count);
  for (auto& outputs : features) outputs.push_back(x);
  for (size_t i = 0; i < layers_.size(); ++i) {
    const LayerMaps maps = run_layer(i, x);
    for (size_t t = 0; t < count; ++t) {
      const at::Tensor z = i == 0 ? maps.before_last : at::cat({maps.before_last, below[t]}, 1);
      const at::Tensor attended = masks_[t][i]->forward(z) * maps.last;
      features[t].push_back(attended);
      if (i + 1 < layers_.size()) below[t] = carry(i, attended);
    }
    x = maps.last;
  }
  for (auto& outputs : features) outputs = trunk_->features(outputs);
  return features;
}

at::Tensor Mtan::decode(int64_t task, const Features& features, const NamedTensors& inputs) {
  return heads_->forward(task, features, inputs);
}

std::vector<ModelParameter> Mtan::model_parameters() {
  std::vector<ModelParameter> result;
  add_parameters("trunk.", *trunk_, Role::shared, -1, result);
  add_parameters("blocks.", *blocks_, Role::shared, -1, result);
  const auto own = attention_->named_children();
  for (size_t t = 0; t < own.size(); ++t)
    add_parameters("attention." + own[t].key() + ".", *own[t].value(), Role::task, static_cast<int64_t>(t), result);
  heads_->add_parameters(result);
  return result;
}

std::string Mtan::last_shared_layer() const { return last_layer_of("trunk.", *trunk_); }

void register_mtan_sharing(SharingRegistry& registry) {
  registry.add<MtanOptions>("mtan", "One residual trunk, from whose layers each task takes what its attention lets by",
                            "Liu et al., End-to-End Multi-Task Learning with Attention, CVPR 2019", create_mtan);
}

}  // namespace polytask
