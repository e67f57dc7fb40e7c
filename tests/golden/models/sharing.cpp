#include "sharing.h"

#include <fmt/format.h>

#include <ATen/ATen.h>
#include <torch/utils.h>

#include <algorithm>
#include <set>

namespace polytask::golden {
namespace {

const char* const kLoss = "sum over tasks of sum(out_t * R_t), x0";

struct Place {
  std::string name;
  int64_t slice = -1;  // −1: the whole tensor
};

Place place_of(const std::string& text) {
  const size_t bracket = text.find('[');
  if (bracket == std::string::npos) return {text};
  return {text.substr(0, bracket), std::stol(text.substr(bracket + 1))};
}

// Puts a value of ours where the reference has it; what no slice fills stays 0.
void put(const Case& golden, const Place& place, const at::Tensor& value, NamedTensors& results,
         const std::string& prefix) {
  if (place.slice < 0) {
    results[prefix + place.name] = value;
    return;
  }
  auto& whole = results[prefix + place.name];
  if (!whole.defined()) whole = at::zeros_like(golden.weights.at(place.name));
  whole[place.slice].copy_(value);
}

std::string without_spaces(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  return text;
}

bool expects(const Case& golden, const std::string& prefix) {
  const auto it = golden.expected.lower_bound(prefix);
  return it != golden.expected.end() && starts_with(it->first, prefix);
}

void run_mode(const Case& golden, Subject& subject, bool training, NamedTensors& results) {
  const std::string mode = training ? "train." : "eval.";
  const NamedTensors decoders = decoders_of(golden);
  load_reference(golden, subject);
  subject.model->train(training);
  const NamedTensors outputs = outputs_of(golden, subject, decoders, "x0");
  for (const auto& [task, output] : outputs) results[mode + "x0." + task] = output.detach();
  for (const auto& item : subject.model->named_buffers())
    if (const auto name = subject.reference_name(item.key()); !name.empty())
      put(golden, place_of(name), item.value().clone(), results, mode + "after.");
  const at::Tensor loss = loss_of(golden, outputs);
  loss.backward();
  results[mode + "loss"] = loss.detach().reshape({1});
  for (const auto& [name, gradient] : gradients_of(golden, subject, decoders)) results[mode + name] = gradient;
  for (const auto& [x, tensor] : golden.input)
    if (x != "x0" && expects(golden, mode + x + "."))
      for (const auto& [task, output] : outputs_of(golden, subject, decoders, x))
        results[mode + x + "." + task] = output.detach();
}

}  // namespace

std::vector<TaskHead> tasks_of(const Case& golden) {
  std::vector<TaskHead> tasks;
  for (const auto& name : texts(config(golden, "tasks"))) tasks.push_back({name, 1, {}});
  return tasks;
}

NamedTensors decoders_of(const Case& golden) {
  NamedTensors decoders;
  for (const auto& [name, tensor] : golden.weights)
    if (starts_with(name, "decoders.")) decoders[name] = tensor.clone().requires_grad_(true);
  return decoders;
}

void load_reference(const Case& golden, Subject& subject) {
  const torch::NoGradGuard no_grad;
  std::set<std::string> used;
  for (auto& [ours, tensor] : subject.model->state()) {
    const Place place = starts_with(ours, "heads.") ? Place{} : place_of(subject.reference_name(ours));
    if (place.name.empty()) continue;
    const auto it = golden.weights.find(place.name);
    if (it == golden.weights.end()) throw InputError("{}: the reference has no \"{}\"", ours, place.name);
    const at::Tensor value = place.slice < 0 ? it->second : it->second[place.slice];
    if (value.sizes() != tensor.sizes()) throw InputError("{}: \"{}\" has another shape", ours, place.name);
    tensor.copy_(value);
    used.insert(place.name);
  }
  for (const auto& [name, tensor] : golden.weights)
    if (used.count(name) == 0 && !starts_with(name, "decoders."))
      throw InputError("the reference's \"{}\" has no place in the model", name);
}

NamedTensors outputs_of(const Case& golden, Subject& subject, const NamedTensors& decoders, const std::string& x) {
  const auto features = subject.model->represent({{"x", golden.input.at(x)}});
  const auto& tasks = subject.model->tasks();
  NamedTensors outputs;
  for (size_t t = 0; t < tasks.size(); ++t) {
    const at::Tensor& read = features.at(features.size() == 1 ? 0 : t).at(subject.level);
    const at::Tensor& weight = decoders.at("decoders." + tasks[t] + ".weight");
    const at::Tensor& bias = decoders.at("decoders." + tasks[t] + ".bias");
    outputs[tasks[t]] = weight.dim() == 4 ? at::conv2d(read, weight, bias) : at::linear(read, weight, bias);
  }
  return outputs;
}

at::Tensor loss_of(const Case& golden, const NamedTensors& outputs) {
  const std::string stated = without_spaces(config(golden, "loss").text());
  if (!starts_with(without_spaces(kLoss), stated)) throw InputError("loss \"{}\" is not known to this runner", stated);
  at::Tensor loss;
  for (const auto& [task, output] : outputs) {
    const at::Tensor term = (output * golden.input.at("R_" + task)).sum();
    loss = loss.defined() ? loss + term : term;
  }
  return loss;
}

NamedTensors gradients_of(const Case& golden, Subject& subject, const NamedTensors& decoders) {
  NamedTensors gradients;
  for (const auto& item : subject.model->named_parameters()) {
    const auto name = starts_with(item.key(), "heads.") ? "" : subject.reference_name(item.key());
    if (name.empty()) continue;
    const at::Tensor& gradient = item.value().grad();
    put(golden, place_of(name), gradient.defined() ? gradient : at::zeros_like(item.value()), gradients, "grad.");
  }
  for (const auto& [name, tensor] : decoders) gradients["grad." + name] = tensor.grad();
  return gradients;
}

NamedTensors run_sharing(const Case& golden, const std::function<Subject()>& make) {
  NamedTensors results;
  for (const bool training : {false, true}) {
    Subject subject = make();
    run_mode(golden, subject, training, results);
  }
  return results;
}

}  // namespace polytask::golden
