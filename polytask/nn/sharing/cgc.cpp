#include <polytask/core/error.h>
#include <polytask/nn/level_text.h>
#include <polytask/nn/register.h>
#include <polytask/nn/sharing/cgc.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

namespace polytask {
namespace {

using OwnExperts = std::vector<std::shared_ptr<Experts>>;

std::shared_ptr<SoftmaxGates> make_gates(const TrunkInput& input, const Experts& shared, const OwnExperts& own,
                                         const ModelContext& context) {
  std::vector<int64_t> counts;
  for (const auto& experts : own) counts.push_back(shared.count() + experts->count());
  return std::make_shared<SoftmaxGates>(names_of(context.tasks), values_of(input.shape()), counts, context.seed);
}

std::vector<int64_t> counts_of(const std::vector<int64_t>& counts, const std::vector<std::string>& tasks) {
  if (counts.size() == 1) return std::vector<int64_t>(tasks.size(), counts[0]);
  if (counts.size() != tasks.size())
    throw InputError("model.task_experts: {} numbers for {} tasks ({}): give one number, or one for each task",
                     counts.size(), tasks.size(), fmt::join(tasks, ", "));
  return counts;
}

std::unique_ptr<Model> create_cgc(const CgcOptions& options, const ModelContext& context) {
  const TrunkInput input(options.input, context);
  const auto tasks = names_of(context.tasks);
  const auto counts = counts_of(options.task_experts, tasks);
  const auto create = [&](int64_t count, const std::string& stream) {
    return Experts::create(options.backbone, input.shape(), count, context.seed, stream);
  };
  const auto shared = create(options.shared_experts, "shared_experts");
  OwnExperts own;
  for (size_t t = 0; t < tasks.size(); ++t) own.push_back(create(counts[t], "experts/" + tasks[t]));
  return std::make_unique<Cgc>(input, shared, own, context);
}

}  // namespace

void CgcOptions::fields(Fields& f) {
  f.field("backbone", backbone, "the network that every expert is: its type and options");
  f.field("shared_experts", shared_experts, "how many experts all tasks share", at_least(1));
  f.field("task_experts", task_experts,
          "how many experts each task has for itself: one number for all, or one for each task in their order; 0: none",
          at_least(0));
  f.field("input", input, "the input that experts and gates read; empty: the only one that no head takes for itself");
}

Cgc::Cgc(const TrunkInput& input, const std::shared_ptr<Experts>& shared, const OwnExperts& own,
         const ModelContext& context)
    : Cgc(input, shared, own, make_gates(input, *shared, own, context), context) {}

Cgc::Cgc(TrunkInput input, std::shared_ptr<Experts> shared, OwnExperts own, std::shared_ptr<SoftmaxGates> gates,
         const ModelContext& context)
    : ExpertModel(std::move(input), std::move(shared), gates, context), own_(std::move(own)), gates_(std::move(gates)) {
  const auto group = register_module("experts", std::make_shared<torch::nn::Module>("experts"));
  for (size_t t = 0; t < tasks().size(); ++t) {
    group->register_module(tasks()[t], own_.at(t));
    const std::string levels = levels_text(own_[t]->levels()), common = levels_text(shared_->levels());
    if (own_[t]->count() > 0 && levels != common)
      throw InputError("the experts of task \"{}\" offer {}, the shared ones {}: they must be the same to be mixed",
                       tasks()[t], levels, common);
  }
}

std::vector<Features> Cgc::represent(const NamedTensors& inputs) {
  const at::Tensor& x = input_.of(inputs);
  const std::vector<Features> shared = shared_->forward(x);
  std::vector<Features> result;
  for (size_t t = 0; t < tasks().size(); ++t) {
    std::vector<Features> experts = shared;
    for (auto& features : own_[t]->forward(x)) experts.push_back(std::move(features));
    result.push_back(mix_levels(experts, gates_->forward(t, x)));
  }
  return result;
}

std::vector<ModelParameter> Cgc::model_parameters() {
  std::vector<ModelParameter> result = ExpertModel::model_parameters();
  for (size_t t = 0; t < tasks().size(); ++t)
    add_parameters(fmt::format("experts.{}.", tasks()[t]), *own_[t], Role::task, static_cast<int64_t>(t), result);
  return result;
}

void register_cgc_sharing(SharingRegistry& registry) {
  registry.add<CgcOptions>("cgc", "Shared experts and experts of each task's own, mixed by a gate for each task",
                           "Tang et al., Progressive Layered Extraction, RecSys 2020, section 4.1", create_cgc);
}

}  // namespace polytask
