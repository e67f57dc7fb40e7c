#include <polytask/core/error.h>
#include <polytask/nn/register.h>
#include <polytask/nn/sharing/ltb.h>
#include <polytask/nn/sharing/mixing.h>

#include <fmt/ranges.h>

#include <ATen/ATen.h>
#include <torch/utils.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace polytask {
namespace {

at::Tensor gumbel_noise(const at::Tensor& like) { return at::empty_like(like).exponential_().log_().neg_(); }

at::Tensor one_hot(const at::Tensor& index, const at::Tensor& like) {
  return at::zeros_like(like).scatter(-1, index.unsqueeze(-1), 1.0);
}

double temperature_at(const LtbOptions& options, int64_t epoch, int64_t epochs) {
  const double start = options.temperature.value_or(std::max(1.0, static_cast<double>(epochs) / 20));
  return start / std::sqrt(static_cast<double>(epoch + 1));
}

bool warms_up(const LtbOptions& options, int64_t epoch, int64_t epochs) {
  return static_cast<double>(epoch) < options.warm_up * static_cast<double>(epochs);
}

std::unique_ptr<Model> create_ltb(const LtbOptions& options, const ModelContext& context) {
  check_task_names(context.tasks);
  TrunkInput input(options.input, context);
  auto encoders = create_task_encoders(options.backbone, input, context, "ltb", Start::apart);
  return std::make_unique<Ltb>(std::move(encoders), context.tasks, context.seed, options, std::move(input),
                               context.input_shapes);
}

}  // namespace

at::Tensor straight_through_choice(const at::Tensor& logits, const at::Tensor& noise, double temperature) {
  const at::Tensor soft = at::softmax((logits + noise) / temperature, -1);
  return one_hot(soft.argmax(-1), soft) - soft.detach() + soft;
}

void LtbOptions::fields(Fields& f) {
  f.field("backbone", backbone, "every task's network: its type and options");
  f.field("warm_up", warm_up, "share of the epochs in which every stage reads all tasks' outputs", between(0, 1));
  f.field("warm_up_mix", warm_up_mix, "how it reads them; sum, as LibMTL, multiplies them by the number of tasks",
          one_of({"mean", "sum"}));
  f.field("temperature", temperature,
          "temperature of the choice in the first epoch, later divided by the root of the epoch's number; none: a "
          "twentieth of the epochs, at least 1",
          above(0));
  f.field("input", input, "the input that the networks read; empty: the only one that no head takes for itself");
}

Ltb::Ltb(std::vector<std::shared_ptr<StagedBackbone>> encoders, const std::vector<TaskHead>& tasks, uint64_t seed,
         const LtbOptions& options, TrunkInput input, const std::map<std::string, InputShape>& inputs)
    : options_(options),
      input_(std::move(input)),
      encoders_(register_module("encoders", std::make_shared<TaskEncoders>(tasks, std::move(encoders)))),
      branching_(register_module("branching", std::make_shared<torch::nn::Module>("branching"))) {
  const auto stages = encoders_->stages();
  if (stages.size() < 2)
    throw InputError(
        "model.backbone: ltb chooses between stages, and this backbone has only one ({}): give it more "
        "layers, or use sharing: hard",
        stages.front());
  const auto count = static_cast<int64_t>(tasks.size());
  for (size_t i = 1; count > 1 && i < stages.size(); ++i)
    logits_.push_back(branching_->register_parameter(stages[i], at::ones({count, count})));
  warming_up_ = branching_->register_buffer("warming_up", at::zeros({}, at::kLong));
  temperature_ = branching_->register_buffer("temperature", at::ones({}, at::kDouble));
  begin_epoch(0, 1);
  heads_ = register_module(
      "heads", std::make_shared<TaskHeads>(tasks, std::vector<std::vector<Level>>{encoders_->levels()}, inputs, seed));
}

void Ltb::begin_epoch(int64_t epoch, int64_t epochs) {
  const torch::NoGradGuard no_grad;
  warming_up_.fill_(warms_up(options_, epoch, epochs) ? 1 : 0);
  temperature_.fill_(temperature_at(options_, epoch, epochs));
}

at::Tensor Ltb::weights_before(size_t stage) const {
  const at::Tensor& logits = logits_[stage - 1];
  const double share = options_.warm_up_mix == "mean" ? 1.0 / static_cast<double>(logits.size(0)) : 1.0;
  const at::Tensor all = at::full_like(logits, share).detach();
  if (!is_training() && !noise_.defined())  // tensors throughout: export traces this
    return at::where(warming_up_ != 0, all, one_hot(logits.detach().argmax(-1), all));
  if (warming_up_.item<int64_t>() != 0) return all;
  const at::Tensor noise = noise_.defined() ? noise_[static_cast<int64_t>(stage) - 1] : gumbel_noise(logits.detach());
  return straight_through_choice(logits, noise, temperature());
}

std::vector<Features> Ltb::represent(const NamedTensors& inputs) {
  return encoders_->forward(input_.of(inputs), [this](size_t stage, const std::vector<at::Tensor>& before) {
    return logits_.empty() ? before : mix(weights_before(stage), before);
  });
}

at::Tensor Ltb::decode(int64_t task, const Features& features, const NamedTensors& inputs) {
  return heads_->forward(task, features, inputs);
}

std::vector<ModelParameter> Ltb::model_parameters() {
  std::vector<ModelParameter> result;
  add_parameters("encoders.", *encoders_, Role::shared, -1, result);
  add_parameters("branching.", *branching_, Role::shared, -1, result);
  heads_->add_parameters(result);
  return result;
}

void register_ltb_sharing(SharingRegistry& registry) {
  registry.add<LtbOptions>("ltb", "A network for each task; before each stage every task learns whose output to read",
                           "Guo et al., Learning to Branch, ICML 2020; schedule as in LibMTL", create_ltb);
}

}  // namespace polytask
