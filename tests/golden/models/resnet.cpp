#include "kinds.h"
#include "resnet.h"

#include <polytask/nn/sharing/hard.h>
#include <polytask/nn/weights.h>

#include <fmt/format.h>

#include <ATen/ATen.h>

namespace polytask::golden {
namespace {

// The network of a case within a model, so that its weights come in by the way users take.
struct LoadedResnet {
  std::shared_ptr<Resnet> network;
  std::shared_ptr<Model> model;
};

LoadedResnet load_resnet(const Case& golden) {
  LoadedResnet result;
  result.network = make_resnet(golden);
  result.model = make_hard_model(result.network, {{"task", 1, {}}});
  WeightsOptions weights;
  weights.path = (golden.folder / "weights.safetensors").string();
  weights.map = {{"", "backbone."}};
  load_weights(*result.model, weights);
  return result;
}

// Everything that a case may ask for in one mode.
NamedTensors run_mode(const Case& golden, bool training) {
  const LoadedResnet loaded = load_resnet(golden);
  loaded.model->train(training);
  const std::string mode = training ? "train." : "eval.";
  NamedTensors results;
  at::Tensor x = golden.input.at("x0");
  for (const auto& name : loaded.network->stages()) {
    x = loaded.network->stage(loaded.network->stage_of(name), x);
    results[mode + (name == "stem" ? "maxpool" : name)] = x;
  }
  const at::Tensor loss = (x * golden.input.at("R")).sum();
  loss.backward();
  results[mode + "loss"] = loss.reshape({1});
  for (const auto& item : loaded.network->named_parameters())
    results[mode + "grad." + item.key()] = item.value().grad();
  for (const auto& item : loaded.network->named_buffers()) results[mode + "after." + item.key()] = item.value();
  return results;
}

}  // namespace

std::shared_ptr<Resnet> make_resnet(const Case& golden) {
  ResnetOptions options;
  options.widths = integers(config(golden, "widths"));
  const std::string block = config(golden, "block").text();
  if (block != "basic" && block != "bottleneck") throw InputError("block \"{}\" is not known to this runner", block);
  return std::make_shared<Resnet>(integers(config(golden, "layers")), options,
                                  golden.input.at("x0").sizes().slice(1).vec(),
                                  block == "basic" ? BlockType::basic : BlockType::bottleneck);
}

// Undilated residual networks, whatever the folder is called.
bool is_plain_resnet(const Node& description) {
  const Node* options = description.find("config");
  const std::string dilation = options != nullptr ? options->text_or("dilate_scale", "0") : "0";
  return is_model(description, "resnet") && (dilation == "0" || dilation == "null");
}

NamedTensors run_resnet(const Case& golden) {
  const std::string loss = config(golden, "loss").text();
  if (loss != fmt::format("sum(layer{} * R)", config(golden, "layers").items().size()))
    throw InputError("loss \"{}\" is not known to this runner", loss);
  NamedTensors results = run_mode(golden, false);
  results.merge(run_mode(golden, true));
  return results;
}

}  // namespace polytask::golden
