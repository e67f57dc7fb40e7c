#include <polytask/core/error.h>
#include <polytask/core/suggest.h>
#include <polytask/nn/heads/auxiliary.h>

#include <ATen/ops/cat.h>

#include <functional>
#include <numeric>

namespace polytask {
namespace {

int64_t values_of(const InputShape& shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

const InputShape& shape_of(const std::string& input, const std::map<std::string, InputShape>& inputs,
                           const HeadContext& context) {
  std::vector<std::string> names;
  for (const auto& [name, shape] : inputs) names.push_back(name);
  const auto found = inputs.find(input);
  if (found == inputs.end())
    throw InputError("{}.auxiliary: the data has no input \"{}\"{}", context.where, input, did_you_mean(input, names));
  return found->second;
}

// Level and pooling of the inner head, which are applied here; the inner head sees one vector, the joined one.
VectorInputOptions take_vector_options(Node& inner, const HeadContext& context) {
  VectorInputOptions options;
  if (inner.find("level") == nullptr || inner.find("pool") == nullptr)
    throw InputError(
        "{}: auxiliary inputs are joined to one vector per sample; the head type \"{}\" reads no such vector",
        context.where, inner.text_or("type", ""));
  options.level = inner.text_or("level", "");
  options.pool = inner.text_or("pool", "avg");
  inner.erase("level");
  inner.erase("pool");
  return options;
}

}  // namespace

void AuxiliaryOptions::fields(Fields& f) {
  f.field("input", input, "the data's input to take, by name", required());
  f.field("hidden", hidden, "widths of the dense layers that encode it; empty: it is joined as it is", at_least(1));
  f.field("activation", activation, "what follows each of them", activation_choices());
}

std::vector<AuxiliaryOptions> auxiliary_of(const Node& head) {
  std::vector<AuxiliaryOptions> all;
  const Node* section = head.find("auxiliary");
  if (section == nullptr || section->is_null()) return all;
  if (section->is_scalar())
    throw InputError("{}: expected a map or a list of maps, for example {{input: {}, hidden: [16]}}", section->where(),
                     section->text());
  if (section->is_map()) all.push_back(read_options<AuxiliaryOptions>(*section));
  for (const auto& item : section->items()) all.push_back(read_options<AuxiliaryOptions>(item));
  for (size_t i = 0; i < all.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (all[i].input == all[j].input)
        throw InputError("{}: input \"{}\" is taken twice", section->where(), all[i].input);
  return all;
}

AuxiliaryHead::AuxiliaryHead(const Node& inner, const std::vector<AuxiliaryOptions>& options,
                             const HeadContext& context, const std::map<std::string, InputShape>& inputs) {
  Node head = inner;
  vector_ = std::make_unique<VectorInput>(take_vector_options(head, context), context);
  int64_t width = vector_->width();
  const auto group = register_module("auxiliary", std::make_shared<torch::nn::Module>("auxiliary"));
  for (const auto& option : options) {
    const int64_t values = values_of(shape_of(option.input, inputs, context));
    Branch branch{option.input, nullptr};
    if (!option.hidden.empty())
      branch.encoder = group->register_module(
          option.input, std::make_shared<DenseStack>(values, option.hidden, DenseOptions{false, option.activation, 0}));
    width += option.hidden.empty() ? values : option.hidden.back();
    branches_.push_back(std::move(branch));
  }
  HeadContext joined = context;
  joined.levels = {{"joined", width, 0}};
  head_ = register_module("head", std::shared_ptr<Head>(heads().create(head, joined)));
}

at::Tensor AuxiliaryHead::forward(const Features& features, const NamedTensors& inputs) {
  std::vector<at::Tensor> parts = {(*vector_)(features)};
  for (const auto& branch : branches_) {
    const auto found = inputs.find(branch.input);
    if (found == inputs.end()) throw InputError("a head takes input \"{}\", but the batch has none", branch.input);
    const at::Tensor x = found->second.flatten(1);
    parts.push_back(branch.encoder ? branch.encoder->forward(x).back() : x);
  }
  return head_->forward({at::cat(parts, 1)});
}

}  // namespace polytask
