// Compares models with reference outputs: every folder of $POLYTASK_GOLDEN/models that holds a model we have. Prints
// "NAME: N run, N failed, N excluded" for each, "not yet: NAME" for the others; exit status 1 where anything failed.
#include <polytask/core/error.h>
#include <polytask/io/json.h>
#include <polytask/io/safetensors.h>
#include <polytask/nn/backbones/resnet.h>
#include <polytask/nn/sharing/hard.h>
#include <polytask/nn/weights.h>

#include <fmt/format.h>
#include <support/shared_data.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace polytask {
namespace {

struct Case {
  std::filesystem::path folder;
  Node description;
  NamedTensors input, expected;
};

const Node& member(const Node& node, const std::string& key) {
  const Node* found = node.find(key);
  if (found == nullptr) throw InputError("case.json lacks \"{}\"", key);
  return *found;
}

std::vector<int64_t> integers(const Node& list) {
  std::vector<int64_t> result;
  for (const auto& item : list.items()) result.push_back(integer_of(item));
  return result;
}

// Residual networks of basic blocks, undilated, whatever the folder is called.
bool is_plain_resnet(const Node& description) {
  const Node* config = description.find("config");
  const std::string model = description.text_or("model", "");
  const bool basic = config != nullptr && config->text_or("block", "") == "basic" && model.rfind("resnet", 0) == 0;
  const std::string dilation = config != nullptr ? config->text_or("dilate_scale", "0") : "0";
  return (basic || model.rfind("resnet_basic", 0) == 0) && (dilation == "0" || dilation == "null");
}

// The network of a case within a model, so that its weights come in by the way users take.
struct LoadedResnet {
  std::shared_ptr<Resnet> network;
  std::shared_ptr<Model> model;
};

LoadedResnet load_resnet(const Case& golden) {
  const Node& config = member(golden.description, "config");
  ResnetOptions options;
  options.widths = integers(member(config, "widths"));
  const auto image = golden.input.at("x0").sizes().slice(1).vec();
  LoadedResnet result;
  result.network = std::make_shared<Resnet>(integers(member(config, "layers")), options, image);
  result.model = make_hard_model(result.network, {{"task", 1, {}}});
  WeightsOptions weights;
  weights.path = (golden.folder / "weights.safetensors").string();
  weights.map = {{"", "backbone."}};
  load_weights(*result.model, weights);
  return result;
}

// Everything that a case may ask for in one mode, under the reference's names.
NamedTensors run_resnet(const Case& golden, bool training) {
  const LoadedResnet loaded = load_resnet(golden);
  loaded.model->train(training);
  const std::string mode = training ? "train." : "eval.";
  NamedTensors results;
  const at::Tensor stem = loaded.network->stem(golden.input.at("x0"));
  const Features stages = loaded.network->stages(stem);
  results[mode + "maxpool"] = stem;
  for (size_t i = 0; i < stages.size(); ++i) results[fmt::format("{}layer{}", mode, i + 1)] = stages[i];
  const at::Tensor loss = (stages.back() * golden.input.at("R")).sum();
  loss.backward();
  results[mode + "loss"] = loss.reshape({1});
  for (const auto& item : loaded.network->named_parameters())
    results[mode + "grad." + item.key()] = item.value().grad();
  for (const auto& item : loaded.network->named_buffers()) results[mode + "after." + item.key()] = item.value();
  return results;
}

// What is wrong with a tensor, or "" where it agrees.
std::string difference(const std::string& name, const NamedTensors& results, const at::Tensor& expected,
                       const Node& atol) {
  const auto it = results.find(name);
  if (it == results.end()) return fmt::format("{}: not known to this runner", name);
  const at::Tensor actual = it->second.detach();
  if (actual.sizes() != expected.sizes()) return fmt::format("{}: another shape", name);
  if (!expected.is_floating_point())
    return at::equal(actual.to(expected.dtype()), expected) ? "" : fmt::format("{}: not equal", name);
  const double largest = (actual - expected).abs().max().item<double>();
  const double allowed = number_of(member(atol, name));
  return largest <= allowed ? "" : fmt::format("{}: differs by {:.3g}, allowed {:.3g}", name, largest, allowed);
}

std::vector<std::string> failures(const Case& golden) {
  const std::string loss = member(golden.description, "config").text_or("loss", "");
  const size_t stages = member(member(golden.description, "config"), "layers").items().size();
  if (loss != fmt::format("sum(layer{} * R)", stages))
    return {fmt::format("loss \"{}\" is not known to this runner", loss)};
  NamedTensors results = run_resnet(golden, false);
  results.merge(run_resnet(golden, true));
  const Node& atol = member(member(golden.description, "tolerance"), "atol");
  std::vector<std::string> found;
  for (const auto& [name, expected] : golden.expected)
    if (const auto text = difference(name, results, expected, atol); !text.empty()) found.push_back(text);
  return found;
}

// Whether the case passed, or is not ours to run.
bool run_folder(const std::filesystem::path& folder) {
  const std::string name = folder.filename().string();
  const Node description = read_json_file(folder / "case.json");
  if (!is_plain_resnet(description)) {
    fmt::print("not yet: {}\n", name);
    return true;
  }
  std::vector<std::string> found;
  try {
    found = failures({folder, description, read_safetensors(folder / "input.safetensors").tensors,
                      read_safetensors(folder / "expected.safetensors").tensors});
  } catch (const std::exception& error) {
    found = {error.what()};
  }
  for (const auto& text : found) fmt::print("  {}\n", text);
  fmt::print("{}: 1 run, {} failed, 0 excluded\n", name, found.empty() ? 0 : 1);
  return found.empty();
}

int run_all() {
  const std::filesystem::path root = golden_path("models");
  if (!std::filesystem::is_directory(root)) {
    fmt::print("skipped: there is no folder {}\n", root.string());
    return 0;
  }
  std::vector<std::filesystem::path> folders;
  for (const auto& entry : std::filesystem::directory_iterator(root))
    if (std::filesystem::exists(entry.path() / "case.json")) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  bool passed = true;
  for (const auto& folder : folders) passed = run_folder(folder) && passed;
  return passed ? 0 : 1;
}

}  // namespace
}  // namespace polytask

int main() {
  try {
    return polytask::run_all();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "golden_models: %s\n", error.what());
    return 1;
  }
}
