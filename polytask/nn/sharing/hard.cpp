#include <polytask/core/error.h>
#include <polytask/core/random.h>
#include <polytask/nn/level_text.h>
#include <polytask/nn/register.h>
#include <polytask/nn/sharing/hard.h>

#include <utility>

namespace polytask {
namespace {

std::unique_ptr<Model> create_hard(const HardOptions& options, const ModelContext& context) {
  check_task_names(context.tasks);
  TrunkInput input(options.input, context);
  seed_torch(context.seed, "init/backbone");
  std::shared_ptr<Backbone> backbone = backbones().create(options.backbone, input.shape());
  return std::make_unique<HardSharing>(std::move(backbone), context.tasks, context.seed, options.shared_layer,
                                       std::move(input), context.input_shapes);
}

}  // namespace

void SharedLayerOptions::fields(Fields& f) {
  f.field("size", size, "width of the layer; 0: no such layer", at_least(0));
  f.field("activation", activation, "what follows it", activation_choices());
  f.field("dropout", dropout, "share of its values dropped in training", dropout_range());
}

void HardOptions::fields(Fields& f) {
  f.field("backbone", backbone, "the shared network: its type and options");
  f.section("shared_layer", shared_layer, "a dense layer between backbone and heads that all tasks share");
  f.field("input", input, "the input that the backbone reads; empty: the only one that no head takes for itself");
}

HardSharing::HardSharing(std::shared_ptr<Backbone> backbone, const std::vector<TaskHead>& tasks, uint64_t seed,
                         const SharedLayerOptions& shared_layer, TrunkInput input,
                         const std::map<std::string, InputShape>& inputs)
    : input_(std::move(input)), backbone_(register_module("backbone", std::move(backbone))) {
  std::vector<Level> levels = backbone_->levels();
  if (shared_layer.size > 0) {
    seed_torch(seed, "init/shared_layer");
    add_shared_layer(shared_layer, levels);
  }
  heads_ = register_module("heads",
                           std::make_shared<TaskHeads>(tasks, std::vector<std::vector<Level>>{levels}, inputs, seed));
}

void HardSharing::add_shared_layer(const SharedLayerOptions& options, std::vector<Level>& levels) {
  if (levels.empty() || levels.back().spatial())
    throw InputError(
        "model.shared_layer: it reads the backbone's last level, which must be a vector, but the backbone offers {}: "
        "set "
        "shared_layer.size to 0, or use a backbone that ends in a vector",
        levels.empty() ? "no level" : levels_text(levels));
  const DenseOptions dense{false, options.activation, options.dropout};
  auto layer = std::make_shared<Dense>(levels.back().channels, options.size, dense);
  shared_layer_ = register_module("shared_layer", std::move(layer));
  levels.push_back({"shared_layer", options.size, 0});
}

std::vector<Features> HardSharing::represent(const NamedTensors& inputs) {
  Features features = backbone_->forward(input_.of(inputs));
  if (shared_layer_) features.push_back(shared_layer_->forward(features.back()));
  return {std::move(features)};
}

at::Tensor HardSharing::decode(int64_t task, const Features& features, const NamedTensors& inputs) {
  return heads_->forward(task, features, inputs);
}

std::vector<ModelParameter> HardSharing::model_parameters() {
  std::vector<ModelParameter> result;
  add_parameters("backbone.", *backbone_, Role::shared, -1, result);
  if (shared_layer_) add_parameters("shared_layer.", *shared_layer_, Role::shared, -1, result);
  heads_->add_parameters(result);
  return result;
}

std::string HardSharing::last_shared_layer() const {
  return shared_layer_ ? "shared_layer" : last_layer_of("backbone.", *backbone_);
}

std::shared_ptr<Model> make_hard_model(std::shared_ptr<Backbone> backbone, const std::vector<TaskHead>& tasks,
                                       uint64_t seed, const SharedLayerOptions& shared_layer) {
  return std::make_shared<HardSharing>(std::move(backbone), tasks, seed, shared_layer);
}

void register_hard_sharing(SharingRegistry& registry) {
  registry.add<HardOptions>("hard", "One backbone for all tasks, a head for each", "Caruana 1997", create_hard);
}

}  // namespace polytask
