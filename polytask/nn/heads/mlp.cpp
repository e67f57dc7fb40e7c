#include <polytask/core/error.h>
#include <polytask/nn/heads/mlp.h>
#include <polytask/nn/register.h>

namespace polytask {

void MlpHeadOptions::fields(Fields& f) {
  input.fields(f);
  f.field("hidden", hidden, "width of every hidden layer", at_least(1));
  f.field("activation", activation, "what follows every hidden layer", activation_choices());
  f.field("dropout", dropout, "share of values dropped after every hidden layer in training", dropout_range());
  f.field("batch_norm", batch_norm, "batch normalisation before every activation");
}

MlpHead::MlpHead(const MlpHeadOptions& options, const HeadContext& context) : input_(options.input, context) {
  if (options.hidden.empty())
    throw InputError("{}: \"hidden\" is empty: give at least one width, or use the head type linear", context.where);
  const DenseOptions dense{options.batch_norm, options.activation, options.dropout};
  hidden_ = register_module("hidden", std::make_shared<DenseStack>(input_.width(), options.hidden, dense));
  fc_ = register_module("fc", torch::nn::Linear(options.hidden.back(), context.outputs));
}

at::Tensor MlpHead::forward(const Features& features) {
  return fc_->forward(hidden_->forward(input_(features)).back());
}

void register_mlp_head(HeadRegistry& registry) {
  registry.add<MlpHeadOptions>("mlp", "Hidden layers and a linear one on a vector per sample", "",
                               [](const MlpHeadOptions& options, const HeadContext& context) {
                                 return std::make_unique<MlpHead>(options, context);
                               });
}

}  // namespace polytask
