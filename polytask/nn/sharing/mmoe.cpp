#include <polytask/nn/register.h>
#include <polytask/nn/sharing/mmoe.h>

#include <utility>

namespace polytask {
namespace {

std::shared_ptr<SoftmaxGates> make_gates(const TrunkInput& input, const Experts& experts, const ModelContext& context) {
  const std::vector<int64_t> counts(context.tasks.size(), experts.count());
  return std::make_shared<SoftmaxGates>(names_of(context.tasks), values_of(input.shape()), counts, context.seed);
}

std::unique_ptr<Model> create_mmoe(const MmoeOptions& options, const ModelContext& context) {
  const TrunkInput input(options.input, context);
  const auto experts =
      Experts::create(options.backbone, input.shape(), options.experts, context.seed, "shared_experts");
  return std::make_unique<Mmoe>(input, experts, context);
}

}  // namespace

void MmoeOptions::fields(Fields& f) {
  f.field("backbone", backbone, "the network that every expert is: its type and options");
  f.field("experts", experts, "how many experts all tasks share", at_least(1));
  f.field("input", input, "the input that experts and gates read; empty: the only one that no head takes for itself");
}

Mmoe::Mmoe(const TrunkInput& input, const std::shared_ptr<Experts>& experts, const ModelContext& context)
    : Mmoe(input, experts, make_gates(input, *experts, context), context) {}

Mmoe::Mmoe(TrunkInput input, std::shared_ptr<Experts> experts, std::shared_ptr<SoftmaxGates> gates,
           const ModelContext& context)
    : ExpertModel(std::move(input), std::move(experts), gates, context), gates_(std::move(gates)) {}

std::vector<Features> Mmoe::represent(const NamedTensors& inputs) {
  const at::Tensor& x = input_.of(inputs);
  const std::vector<Features> experts = shared_->forward(x);
  std::vector<Features> result;
  for (size_t t = 0; t < tasks().size(); ++t) result.push_back(mix_levels(experts, gates_->forward(t, x)));
  return result;
}

void register_mmoe_sharing(SharingRegistry& registry) {
  registry.add<MmoeOptions>("mmoe", "Experts that all tasks share, mixed by a gate for each task",
                            "Ma et al., Modeling Task Relationships in Multi-task Learning with Multi-gate "
                            "Mixture-of-Experts, KDD 2018",
                            create_mmoe);
}

}  // namespace polytask
