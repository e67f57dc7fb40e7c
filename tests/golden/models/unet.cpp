#include "kinds.h"

#include <polytask/nn/backbones/unet.h>
#include <polytask/nn/heads/unet_decoder.h>
#include <polytask/nn/sharing/hard.h>
#include <polytask/nn/weights.h>
#include <polytask/objectives/dense_loss.h>

#include <fmt/format.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace polytask::golden {
namespace {

// The name of the only task of a case that has no tasks; its tensors carry none.
const char* const kOnly = "map";

struct Network {
  std::shared_ptr<UnetBackbone> encoder;
  std::shared_ptr<Model> model;
  bool several = false;  // tasks
};

Node text(const std::string& value) { return Node::scalar_of(value, true); }

std::vector<TaskHead> heads_of(const Case& golden, bool bilinear) {
  const Node head = bilinear ? Node::map_of({{"type", text("unet_decoder")},
                                             {"upsampling", text("resize_conv")},
                                             {"align_corners", Node::scalar_of("true")}})
                             : Node::map_of({{"type", text("unet_decoder")}});
  const Node& options = member(golden.description, "config");
  const Node* outs = options.find("outs");
  if (outs == nullptr) return {{kOnly, integer_of(member(options, "n_classes")), head}};
  std::vector<TaskHead> tasks;
  for (const auto& [task, outputs] : outs->entries()) tasks.push_back({task, integer_of(outputs), head});
  return tasks;
}

// With the case's weights, which come in by the way users take.
Network make_network(const Case& golden) {
  UnetOptions options;
  options.width = integer_of(config(golden, "base"));
  options.halved_bottleneck = boolean_of(config(golden, "bilinear"));
  Network network;
  network.encoder = std::make_shared<UnetBackbone>(options, golden.input.at("x0").sizes().slice(1).vec());
  network.model = make_hard_model(network.encoder, heads_of(golden, options.halved_bottleneck));
  network.several = member(golden.description, "config").find("outs") != nullptr;
  WeightsOptions weights;
  weights.path = (golden.folder / "weights.safetensors").string();
  weights.map = {{"inc.", "backbone.inc."}, {"down", "backbone.down"}};
  if (network.several) {
    weights.map["decoders."] = "heads.";
  } else {
    weights.map["up"] = fmt::format("heads.{}.up", kOnly);
    weights.map["outc."] = fmt::format("heads.{}.outc.", kOnly);
  }
  load_weights(*network.model, weights);
  return network;
}

std::string reference_name(const Network& network, const std::string& ours) {
  const std::string backbone = "backbone.", heads = network.several ? "heads." : fmt::format("heads.{}.", kOnly);
  if (starts_with(ours, backbone)) return ours.substr(backbone.size());
  return (network.several ? "decoders." : "") + ours.substr(heads.size());
}

// "" or ".<task>": how the case tells tensors of the tasks apart.
std::string suffix(const Network& network, const std::string& task, const char* separator) {
  return network.several ? separator + task : "";
}

// Outputs of all tasks, and on the way what the encoder and the decoders' steps give.
std::vector<at::Tensor> run(Network& network, const at::Tensor& x, const std::string& prefix, NamedTensors& results) {
  const auto features = network.model->represent({{"x", x}});
  for (size_t i = 0; i < features[0].size(); ++i) results[fmt::format("{}.encoder.{}", prefix, i)] = features[0][i];
  std::vector<at::Tensor> outputs;
  for (size_t t = 0; t < network.model->tasks().size(); ++t) {
    const std::string name = prefix + suffix(network, network.model->tasks()[t], ".");
    const std::string head = "heads." + network.model->tasks()[t];
    outputs.push_back(network.model->decode(static_cast<int64_t>(t), features[0], {}));
    results[name] = outputs.back();
    if (network.model->is_training()) continue;  // once more would move the statistics once more
    const auto steps = network.model->named_modules()[head]->as<UnetDecoder>()->steps(features[0]);
    for (size_t i = 0; i < steps.size(); ++i) results[fmt::format("{}.up{}", name, i + 1)] = steps[i];
  }
  return outputs;
}

// The reference's loss of training, and its score: the dice of hard predictions for each sample and class but the
// first, on average.
void judge(const Case& golden, const at::Tensor& logits, NamedTensors& results) {
  const auto mask = golden.input.find("mask");
  if (mask == golden.input.end()) return;
  const int64_t classes = logits.size(1);
  const Node loss =
      Node::map_of({{"type", text("sum")}, {"losses", Node::sequence_of({text("cross_entropy"), text("dice")})}});
  const auto sum = segmentation_losses().create(segmentation_losses().resolve(loss), classes);
  results["eval.ce_plus_dice"] = sum->forward(logits, mask->second, {}).reshape({1});
  const auto one_hot = [&](const at::Tensor& map) {
    return at::one_hot(map, classes).permute({0, 3, 1, 2}).slice(1, 1).to(at::kFloat);
  };
  const at::Tensor said = one_hot(logits.argmax(1)), truth = one_hot(mask->second);
  const at::Tensor all = (said + truth).sum({2, 3}), both = 2 * (said * truth).sum({2, 3});
  const at::Tensor dice = (both + 1e-6) / (at::where(all == 0, both, all) + 1e-6);
  results["eval.dice_score_no_background"] = dice.mean().reshape({1});
}

void run_mode(const Case& golden, bool training, NamedTensors& results) {
  Network network = make_network(golden);
  network.model->train(training);
  const std::string mode = training ? "train." : "eval.";
  const auto outputs = run(network, golden.input.at("x0"), mode + "x0", results);
  for (const auto& item : network.model->named_buffers())
    results[mode + "after." + reference_name(network, item.key())] = item.value().clone();
  if (!training) judge(golden, outputs[0], results);
  at::Tensor loss = at::zeros({1});
  for (size_t t = 0; t < outputs.size(); ++t)
    loss = loss + (outputs[t] * golden.input.at("R" + suffix(network, network.model->tasks()[t], "_"))).sum();
  loss.backward();
  results[mode + "loss"] = loss;
  for (const auto& item : network.model->named_parameters())
    results[mode + "grad." + reference_name(network, item.key())] = item.value().grad();
  for (const auto& [name, x] : golden.input)
    if (!training && name[0] == 'x' && name != "x0") run(network, x, mode + name, results);
}

}  // namespace

NamedTensors run_unet(const Case& golden) {
  std::string loss = config(golden, "loss").text();
  loss.erase(std::remove(loss.begin(), loss.end(), ' '), loss.end());
  if (loss != "sum(logits*R)onx0" && loss != "sumovertasksofsum(out_t*R_t)onx0")
    throw InputError("loss \"{}\" is not known to this runner", loss);
  NamedTensors results;
  for (const bool training : {false, true}) run_mode(golden, training, results);
  return results;
}

}  // namespace polytask::golden
