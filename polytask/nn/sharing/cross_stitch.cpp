#include <polytask/core/error.h>
#include <polytask/core/suggest.h>
#include <polytask/nn/register.h>
#include <polytask/nn/sharing/cross_stitch.h>
#include <polytask/nn/sharing/mixing.h>

#include <fmt/ranges.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

namespace polytask {
namespace {

// Whether a unit stands after each stage.
std::vector<char> places(const std::vector<std::string>& stages, const std::vector<std::string>& after) {
  if (stages.size() < 2)
    throw InputError(
        "model.backbone: cross_stitch mixes between stages, and this backbone has only one ({}): give it "
        "more layers, or use sharing: hard",
        fmt::join(stages, ", "));
  const std::vector<std::string> known(stages.begin(), stages.end() - 1);
  std::vector<char> result(stages.size(), 0);
  for (size_t i = 0; i < known.size(); ++i) result[i] = after.empty() && known[i] != "stem" ? 1 : 0;
  for (const auto& name : after) {
    const auto it = std::find(known.begin(), known.end(), name);
    if (name == stages.back())
      throw InputError(
          "model.after: no unit can stand after \"{}\": it is the last stage, no other reads it; stages "
          "before it are {}",
          name, fmt::join(known, ", "));
    if (it == known.end()) throw InputError("model.after: there is no stage \"{}\"{}", name, did_you_mean(name, known));
    result[static_cast<size_t>(it - known.begin())] = 1;
  }
  if (std::count(result.begin(), result.end(), 1) == 0)
    throw InputError(
        "model.after: the backbone has no stage between its stem and its last ({}): name those after which "
        "the tasks mix",
        fmt::join(stages, ", "));
  return result;
}

std::unique_ptr<Model> create_cross_stitch(const CrossStitchOptions& options, const ModelContext& context) {
  check_task_names(context.tasks);
  TrunkInput input(options.input, context);
  auto encoders = create_task_encoders(options.backbone, input, context, "cross_stitch", Start::alike);
  const InputShape image = input.shape();
  return std::make_unique<CrossStitch>(std::move(encoders), context.tasks, context.seed, options, image,
                                       std::move(input), context.input_shapes);
}

}  // namespace

void CrossStitchOptions::fields(Fields& f) {
  f.field("backbone", backbone, "every task's network: its type and options");
  f.field("own", own, "what a unit gives a task of its own network at first");
  f.field("others", others, "what it gives of every other task's network at first; none: (1 - own)/(T - 1)");
  f.field("per_channel", per_channel, "a unit for every channel, not one for all");
  f.field("after", after,
          "stages of the backbone after which the tasks mix; empty: all but the last and a residual network's stem");
  f.field("input", input, "the input that the networks read; empty: the only one that no head takes for itself");
}

CrossStitch::CrossStitch(std::vector<std::shared_ptr<StagedBackbone>> encoders, const std::vector<TaskHead>& tasks,
                         uint64_t seed, const CrossStitchOptions& options, const InputShape& image, TrunkInput input,
                         const std::map<std::string, InputShape>& inputs)
    : input_(std::move(input)),
      encoders_(register_module("encoders", std::make_shared<TaskEncoders>(tasks, std::move(encoders)))),
      units_(register_module("units", std::make_shared<torch::nn::Module>("units"))) {
  const auto stages = encoders_->stages();
  const auto stands = places(stages, options.after);
  unit_after_.resize(stages.size());
  if (tasks.size() > 1) {
    const auto shapes =
        options.per_channel ? stage_shapes(encoders_->encoder(0), image) : std::vector<InputShape>(stages.size(), {0});
    for (size_t i = 0; i < stages.size(); ++i)
      if (stands[i] != 0) add_unit(i, shapes[i][0], options);
  }
  heads_ = register_module(
      "heads", std::make_shared<TaskHeads>(tasks, std::vector<std::vector<Level>>{encoders_->levels()}, inputs, seed));
}

void CrossStitch::add_unit(size_t stage, int64_t channels, const CrossStitchOptions& options) {
  const auto count = static_cast<int64_t>(encoders_->children().size());
  const double others = options.others.value_or((1 - options.own) / static_cast<double>(count - 1));
  at::Tensor unit = at::full({count, count}, others);
  unit.fill_diagonal_(options.own);
  if (options.per_channel) unit = unit.unsqueeze(2).repeat({1, 1, channels});
  unit_after_[stage] = units_->register_parameter(encoders_->stages()[stage], unit);
}

std::vector<Features> CrossStitch::represent(const NamedTensors& inputs) {
  return encoders_->forward(input_.of(inputs), [this](size_t stage, const std::vector<at::Tensor>& before) {
    const at::Tensor& unit = unit_after_[stage - 1];
    return unit.defined() ? mix(unit, before) : before;
  });
}

at::Tensor CrossStitch::decode(int64_t task, const Features& features, const NamedTensors& inputs) {
  return heads_->forward(task, features, inputs);
}

std::vector<ModelParameter> CrossStitch::model_parameters() {
  std::vector<ModelParameter> result;
  add_parameters("encoders.", *encoders_, Role::shared, -1, result);
  add_parameters("units.", *units_, Role::shared, -1, result);
  heads_->add_parameters(result);
  return result;
}

void register_cross_stitch_sharing(SharingRegistry& registry) {
  registry.add<CrossStitchOptions>("cross_stitch",
                                   "A network for each task, which mix by learned weights between their stages",
                                   "Misra et al., Cross-stitch Networks, CVPR 2016, eq. 1", create_cross_stitch);
}

}  // namespace polytask
