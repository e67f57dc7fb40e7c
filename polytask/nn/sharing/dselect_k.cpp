#include <polytask/core/error.h>
#include <polytask/core/random.h>
#include <polytask/nn/register.h>
#include <polytask/nn/sharing/dselect_k.h>

#include <utility>

namespace polytask {
namespace {

bool is_power_of_two(int64_t n) { return n == int64_t{1} << code_length(n); }

std::unique_ptr<Model> create_dselect_k(const DSelectKOptions& options, const ModelContext& context) {
  const TrunkInput input(options.input, context);
  const auto experts =
      Experts::create(options.backbone, input.shape(), options.experts, context.seed, "shared_experts");
  return std::make_unique<DSelectK>(input, experts, options, context);
}

std::shared_ptr<torch::nn::Module> as_module(const std::vector<std::shared_ptr<SelectorGate>>& gates,
                                             const ModelContext& context) {
  auto group = std::make_shared<torch::nn::Module>("gates");
  for (size_t t = 0; t < gates.size(); ++t) group->register_module(context.tasks[t].name, gates[t]);
  return group;
}

at::Tensor sum_of(const at::Tensor& sum, const at::Tensor& more) { return sum.defined() ? sum + more : more; }

}  // namespace

void DSelectKOptions::fields(Fields& f) {
  f.field("backbone", backbone, "the network that every expert is: its type and options");
  f.field("experts", experts, "how many experts all tasks share", at_least(2));
  f.field("selectors", selectors, "k: how many experts a task selects at most; not more than there are", at_least(1));
  f.field("gamma", gamma, "width of the smooth step: a selector's bit is settled where its logit is beyond ±gamma/2",
          above(0));
  f.field("entropy", entropy,
          "weight of the selectors' entropy in the objective: the higher, the sooner each selects one expert",
          at_least(0));
  f.field(
      "reachability", reachability,
      "weight of the term that keeps selectors off numbers without expert; of no effect where the number of experts "
      "is a power of two",
      at_least(0));
  f.field("input", input, "the input that experts and gates read; empty: the only one that no head takes for itself");
}

DSelectK::Gates DSelectK::make_gates(const TrunkInput& input, const Experts& experts, const DSelectKOptions& options,
                                     const ModelContext& context) {
  if (experts.count() < 2)
    throw InputError("model.experts: dselect_k selects among experts: at least 2 are needed, not {}", experts.count());
  if (options.selectors > experts.count())
    throw InputError("model.selectors: {} selectors for {} experts: at most as many as there are experts",
                     options.selectors, experts.count());
  Gates gates;
  for (const auto& task : names_of(context.tasks)) {
    seed_torch(context.seed, "init/gates/" + task);
    gates.push_back(
        std::make_shared<SelectorGate>(values_of(input.shape()), experts.count(), options.selectors, options.gamma));
  }
  return gates;
}

DSelectK::DSelectK(const TrunkInput& input, const std::shared_ptr<Experts>& experts, const DSelectKOptions& options,
                   const ModelContext& context)
    : DSelectK(input, experts, options, make_gates(input, *experts, options, context), context) {}

DSelectK::DSelectK(TrunkInput input, std::shared_ptr<Experts> experts, const DSelectKOptions& options, Gates gates,
                   const ModelContext& context)
    : ExpertModel(std::move(input), std::move(experts), as_module(gates, context), context),
      entropy_(options.entropy),
      reachability_(is_power_of_two(shared_->count()) ? 0.0 : options.reachability),
      gates_(std::move(gates)) {}

std::vector<Features> DSelectK::represent(const NamedTensors& inputs) {
  const at::Tensor& x = input_.of(inputs);
  const std::vector<Features> experts = shared_->forward(x);
  const bool keeps = is_training() && (entropy_ > 0 || reachability_ > 0);
  if (keeps) {
    selectors_.clear();
    decoded_.assign(gates_.size(), 0);
  }
  std::vector<Features> result;
  for (const auto& gate : gates_) {
    const Selection selection = gate->forward(x);
    result.push_back(mix_levels(experts, selection.weights));
    if (keeps) selectors_.push_back(selection.selectors);
  }
  return result;
}

at::Tensor DSelectK::decode(int64_t task, const Features& features, const NamedTensors& inputs) {
  if (is_training() && !decoded_.empty()) decoded_[static_cast<size_t>(task)] = 1;
  return ExpertModel::decode(task, features, inputs);
}

at::Tensor DSelectK::penalty() {
  at::Tensor total;
  const std::vector<at::Tensor> selectors = std::exchange(selectors_, {});
  for (size_t t = 0; t < selectors.size(); ++t) {
    if (!decoded_[t]) continue;
    if (entropy_ > 0) total = sum_of(total, entropy_ * selector_entropy(selectors[t]));
    if (reachability_ > 0) total = sum_of(total, reachability_ * unreachable_excess(selectors[t]));
  }
  return total;
}

void register_dselect_k_sharing(SharingRegistry& registry) {
  registry.add<DSelectKOptions>("dselect_k", "Shared experts, of which each task comes to select a few",
                                "Hazimeh et al., DSelect-k, NeurIPS 2021", create_dselect_k);
}

}  // namespace polytask
