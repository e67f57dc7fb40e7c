// Mixtures of experts: mmoe, cgc, dselect_k.
#include "kinds.h"
#include "sharing.h"

#include <polytask/nn/sharing/cgc.h>
#include <polytask/nn/sharing/dselect_k.h>
#include <polytask/nn/sharing/mmoe.h>

#include <fmt/format.h>

#include <ATen/ATen.h>
#include <torch/nn/modules/linear.h>

#include <cstdio>
#include <sstream>

namespace polytask::golden {
namespace {

// The expert of a case, "Linear(7,9)-ReLU-Linear(9,6)"; layers bear the numbers of their places.
class Expert : public Backbone {
 public:
  explicit Expert(const std::string& layers) {
    std::istringstream stream(layers);
    for (std::string layer; std::getline(stream, layer, '-'); ++count_) add(layer);
  }
  std::vector<Level> levels() const override { return {{"features", width_, 0}}; }
  Features forward(const at::Tensor& input) override {
    at::Tensor x = input;
    for (const auto& layer : layers_) x = layer(x);
    return {x};
  }

 private:
  void add(const std::string& layer) {
    long long inputs = 0, outputs = 0;
    if (layer == "ReLU") {
      layers_.emplace_back([](const at::Tensor& x) { return at::relu(x); });
    } else if (std::sscanf(layer.c_str(), "Linear(%lld,%lld)", &inputs, &outputs) == 2) {
      torch::nn::Linear linear = register_module(std::to_string(count_), torch::nn::Linear(inputs, outputs));
      layers_.emplace_back([linear](const at::Tensor& x) mutable { return linear->forward(x); });
      width_ = outputs;
    } else {
      throw InputError("layer \"{}\" is not known to this runner", layer);
    }
  }

  int64_t count_ = 0, width_ = 0;
  std::vector<std::function<at::Tensor(const at::Tensor&)>> layers_;
};

std::shared_ptr<Experts> experts_of(const Case& golden, int64_t count) {
  std::vector<std::shared_ptr<Backbone>> experts;
  for (int64_t e = 0; e < count; ++e) experts.push_back(std::make_shared<Expert>(config(golden, "expert").text()));
  return std::make_shared<Experts>(std::move(experts));
}

ModelContext context_of(const Case& golden) {
  ModelContext context;
  context.input_shapes["x"] = golden.input.at("x0").sizes().slice(1).vec();
  context.tasks = tasks_of(golden);
  return context;
}

std::string reference_name(const std::string& ours) {
  const auto rest = [&](const std::string& prefix) { return ours.substr(prefix.size()); };
  if (starts_with(ours, "shared_experts.")) return "experts_shared." + rest("shared_experts.");
  if (starts_with(ours, "experts.")) return "experts_specific." + rest("experts.");
  const size_t dot = ours.rfind('.');
  const std::string module = ours.substr(0, dot), parameter = ours.substr(dot + 1);
  const std::string task = module.substr(module.find('.') + 1, module.rfind('.') - module.find('.') - 1);
  if (module.size() > 6 && module.compare(module.size() - 6, 6, ".codes") == 0)
    return fmt::format("_z_logits.{}.{}", task, parameter);
  if (module.size() > 7 && module.compare(module.size() - 7, 7, ".mixing") == 0)
    return fmt::format("_w_logits.{}.{}", task, parameter);
  return fmt::format("gate_specific.{}.0.{}", module.substr(module.find('.') + 1), parameter);
}

Subject make_mmoe(const Case& golden) {
  const ModelContext context = context_of(golden);
  const auto experts = experts_of(golden, integers(config(golden, "num_experts")).at(0));
  return {std::make_shared<Mmoe>(TrunkInput("", context), experts, context), 0, reference_name};
}

Subject make_cgc(const Case& golden) {
  const ModelContext context = context_of(golden);
  const auto counts = integers(config(golden, "num_experts"));
  std::vector<std::shared_ptr<Experts>> own;
  for (size_t t = 1; t < counts.size(); ++t) own.push_back(experts_of(golden, counts[t]));
  return {std::make_shared<Cgc>(TrunkInput("", context), experts_of(golden, counts.at(0)), own, context), 0,
          reference_name};
}

// The reference's kgamma is of its initial values alone: what it computes has a step of width 1.
Subject make_dselect_k(const Case& golden) {
  const ModelContext context = context_of(golden);
  DSelectKOptions options;
  options.selectors = integer_of(config(golden, "num_nonzeros"));
  const auto experts = experts_of(golden, integers(config(golden, "num_experts")).at(0));
  return {std::make_shared<DSelectK>(TrunkInput("", context), experts, options, context), 0, reference_name};
}

// What the reference's forward() walks back by itself in training, for the last task alone.
at::Tensor reference_regulariser(const at::Tensor& selectors) {
  const at::Tensor entropy = -1e-6 * (selectors * (selectors + 1e-6).log()).sum();
  const int64_t experts = selectors.size(-1);
  return experts == int64_t{1} << code_length(experts) ? entropy : entropy + (1 / selectors.sum(-1)).sum();
}

void add_gates(const Case& golden, NamedTensors& results) {
  Subject subject = make_dselect_k(golden);
  load_reference(golden, subject);
  auto& model = dynamic_cast<DSelectK&>(*subject.model);
  for (size_t t = 0; t < model.tasks().size(); ++t) {
    const Selection selection = model.select(static_cast<int64_t>(t), golden.input.at("x0"));
    results["eval.z_logits." + model.tasks()[t]] = selection.logits;
    results["eval.selector_outputs." + model.tasks()[t]] = selection.selectors;
    results["eval.expert_weights." + model.tasks()[t]] = selection.weights;
    if (t + 1 == model.tasks().size()) reference_regulariser(selection.selectors).backward();
  }
  for (const auto& item : model.named_parameters())
    if (item.value().grad().defined())
      results["train.entropy_reg_grad." + reference_name(item.key())] = item.value().grad();
}

}  // namespace

NamedTensors run_mmoe(const Case& golden) {
  return run_sharing(golden, [&] { return make_mmoe(golden); });
}

NamedTensors run_cgc(const Case& golden) {
  return run_sharing(golden, [&] { return make_cgc(golden); });
}

NamedTensors run_dselect_k(const Case& golden) {
  NamedTensors results = run_sharing(golden, [&] { return make_dselect_k(golden); });
  add_gates(golden, results);
  return results;
}

}  // namespace polytask::golden
