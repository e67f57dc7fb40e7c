#include <polytask/nn/heads/linear.h>
#include <polytask/nn/register.h>

#include <memory>

namespace polytask {

LinearHead::LinearHead(const VectorInputOptions& options, const HeadContext& context)
    : input_(options, context), fc_(register_module("fc", torch::nn::Linear(input_.width(), context.outputs))) {}

at::Tensor LinearHead::forward(const Features& features) { return fc_->forward(input_(features)); }

void register_linear_head(HeadRegistry& registry) {
  registry.add<VectorInputOptions>("linear", "One linear layer on a vector per sample", "",
                                   [](const VectorInputOptions& options, const HeadContext& context) {
                                     return std::make_unique<LinearHead>(options, context);
                                   });
}

}  // namespace polytask
