#include <polytask/core/error.h>
#include <polytask/nn/backbones/mlp.h>
#include <polytask/nn/register.h>

#include <fmt/ranges.h>

#include <functional>
#include <numeric>

namespace polytask {

void MlpOptions::fields(Fields& f) {
  f.field("hidden", hidden, "width of every layer", at_least(1));
  f.field("activation", activation, "what follows every layer", activation_choices());
  f.field("dropout", dropout, "share of values dropped after every layer in training", dropout_range());
  f.field("batch_norm", batch_norm, "batch normalisation before every activation");
}

MlpBackbone::MlpBackbone(const MlpOptions& options, const InputShape& input) : widths_(options.hidden) {
  if (widths_.empty()) throw InputError("backbone mlp: \"hidden\" is empty: give at least one width, for example [64]");
  const int64_t values = std::accumulate(input.begin(), input.end(), int64_t{1}, std::multiplies<>());
  if (input.empty() || values < 1)
    throw InputError("backbone mlp: the input's shape is [{}]: it needs at least one value per sample",
                     fmt::join(input, ", "));
  const DenseOptions dense{options.batch_norm, options.activation, options.dropout};
  hidden_ = register_module("hidden", std::make_shared<DenseStack>(values, widths_, dense));
}

std::vector<Level> MlpBackbone::levels() const {
  std::vector<Level> result;
  for (const int64_t width : widths_) result.push_back({fmt::format("hidden{}", result.size() + 1), width, 0});
  return result;
}

std::vector<std::string> MlpBackbone::stages() const {
  std::vector<std::string> names;
  for (const auto& level : levels()) names.push_back(level.name);
  return names;
}

at::Tensor MlpBackbone::stage(size_t index, const at::Tensor& x) {
  return hidden_->layer(index).forward(index == 0 ? x.flatten(1) : x);
}

size_t MlpBackbone::stage_of(const std::string& name) const { return std::stoul(name.substr(name.find('.') + 1)); }

void register_mlp_backbone(BackboneRegistry& registry) {
  registry.add<MlpOptions>(
      "mlp", "Dense layers, for tables (images are flattened)", "",
      [](const MlpOptions& options, const InputShape& input) { return std::make_unique<MlpBackbone>(options, input); });
}

}  // namespace polytask
