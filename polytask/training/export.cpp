#include <polytask/core/error.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/json.h>
#include <polytask/io/safetensors.h>
#include <polytask/training/export.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ATen/core/grad_mode.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <cctype>
#include <sstream>

namespace polytask {
namespace {

namespace jit = torch::jit;

// Raw samples that exercise every column: images of all grey values, tables of numbers and valid category indices.
at::Tensor sample_input(const InputSpec& spec, int64_t n) {
  std::vector<int64_t> shape = {n};
  shape.insert(shape.end(), spec.shape.begin(), spec.shape.end());
  const auto count = c10::multiply_integers(shape);
  const auto values = at::arange(count, at::kFloat).mul(7.0);
  if (spec.is_image()) return at::remainder(values, 256.0).reshape(shape);
  auto table = at::remainder(values, 11.0).reshape(shape);
  for (size_t c = 0; c < spec.columns.size(); ++c) {
    const auto categories = static_cast<int64_t>(spec.columns[c].categories.size());
    if (spec.columns[c].categorical)
      table.select(1, static_cast<int64_t>(c))
          .copy_(at::remainder(at::arange(n, at::kFloat), std::max<int64_t>(categories, 1)));
  }
  return table;
}

std::vector<at::Tensor> sample_inputs(const Session& session, int64_t n) {
  std::vector<at::Tensor> samples;
  for (const auto& preprocess : session.preprocess)
    samples.push_back(sample_input(preprocess.spec(), n).to(session.device));
  return samples;
}

// `raw`: one tensor per input, in order.
std::vector<at::Tensor> run_model(Session& session, const std::vector<at::Tensor>& raw) {
  NamedTensors inputs;
  for (size_t i = 0; i < raw.size(); ++i)
    inputs[session.preprocess[i].spec().name] = session.preprocess[i].apply(raw[i]);
  const auto outputs = session.model->forward(inputs);
  std::vector<at::Tensor> results;
  for (size_t t = 0; t < outputs.size(); ++t) results.push_back(session.tasks[t]->predict(outputs[t]));
  return results;
}

// A module that owns the model's parameters and buffers, so that tracing refers to them instead of copying them as
// constants.
jit::Module make_shell(const Session& session, const std::string& description) {
  jit::Module shell("PolytaskModel");
  const auto flat = [](std::string name) {
    std::replace(name.begin(), name.end(), '.', '_');
    return name;
  };
  for (const auto& item : session.model->named_parameters())
    shell.register_parameter(flat(item.key()), item.value(), /*is_buffer=*/false);
  for (const auto& item : session.model->named_buffers()) shell.register_buffer(flat(item.key()), item.value());
  c10::List<std::string> tasks, inputs;
  for (const auto& preprocess : session.preprocess) inputs.push_back(preprocess.spec().name);
  c10::Dict<std::string, c10::List<std::string>> outputs;
  for (const auto& task : session.tasks) {
    tasks.push_back(task->name());
    c10::List<std::string> names;
    for (const auto& name : task->prediction_names()) names.push_back(name);
    outputs.insert(task->name(), names);
  }
  const auto texts = c10::ListType::ofStrings();
  shell.register_attribute("tasks", texts, tasks);
  shell.register_attribute("outputs", c10::DictType::create(c10::StringType::get(), texts), outputs);
  shell.register_attribute("inputs", texts, inputs);
  shell.register_attribute("input", c10::StringType::get(), description);
  return shell;
}

// Names of forward's arguments: letters, digits and _ of the inputs' names. A single one is called "raw".
std::vector<std::string> argument_names(const Session& session) {
  if (session.preprocess.size() == 1) return {"raw"};
  std::vector<std::string> names;
  for (const auto& preprocess : session.preprocess) {
    std::string name = "raw_" + preprocess.spec().name;
    for (char& c : name)
      if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
    names.push_back(name);
  }
  return names;
}

jit::Module trace(Session& session, const std::string& description) {
  jit::Module shell = make_shell(session, description);
  const auto examples = sample_inputs(session, 3);
  const auto traced = jit::tracer::trace(
      jit::Stack(examples.begin(), examples.end()),
      [&](const jit::Stack& inputs) -> jit::Stack {
        std::vector<at::Tensor> raw;
        for (const auto& input : inputs) raw.push_back(input.toTensor());
        const auto outputs = run_model(session, raw);
        return {c10::ivalue::Tuple::create(std::vector<c10::IValue>(outputs.begin(), outputs.end()))};
      },
      [](const at::Tensor&) { return std::string(); }, /*strict=*/true, /*force_outplace=*/false, &shell,
      argument_names(session));
  auto* function = shell._ivalue()->compilation_unit()->create_function(
      c10::QualifiedName(*shell.type()->name(), "forward"), traced.first->graph);
  shell.type()->addMethod(function);
  return shell;
}

double largest_difference(Session& session, const std::filesystem::path& path) {
  auto reloaded = jit::load(path.string(), session.device);
  const auto raw = sample_inputs(session, 5);
  const auto expected = run_model(session, raw);
  const auto got = reloaded.forward({raw.begin(), raw.end()}).toTuple();
  double largest = 0;
  for (size_t t = 0; t < expected.size(); ++t) {
    const auto difference = (got->elements()[t].toTensor() - expected[t]).abs().max().item<double>();
    const double scale = std::max(1.0, expected[t].abs().max().item<double>());
    largest = std::max(largest, difference);
    if (!(difference <= 1e-5 * scale))
      throw WorkError("{}: the reloaded module differs from the model by {:.3g} in task \"{}\"", path.string(),
                      difference, session.tasks[t]->name());
  }
  return largest;
}

// Of what the source `raster` reads, by the domains of its inputs.
std::string describe_rasters(const Node* inputs) {
  size_t radar = 0;
  for (const auto& input : inputs->items()) radar += input.text_or("domain", "plain") == "plain" ? 0 : 1;
  if (radar == 0) return "values after scale and offset";
  return radar == inputs->items().size() ? "backscatter in dB"
                                         : "backscatter in dB, other bands after scale and offset";
}

// What the numbers of an input are. Only photographs are scaled from 0…255; other pictures may have gaps.
std::string describe_values(const Preprocess& preprocess, const Node& data) {
  if (!preprocess.spec().is_image()) return "columns in the order of the training table";
  if (preprocess.state().at("scale").item<double>() != 1) return "values 0…255";
  const std::string source = data.text_or("source", ""), missing = ", NaN where missing";
  if (source == "raster") return describe_rasters(data.find("inputs")) + missing;
  if (source != "forest") return "values as in the data" + missing;
  return (data.text_or("domain", "") == "linear" ? "backscatter as linear power" : "backscatter in dB") + missing;
}

}  // namespace

ExportReport export_torchscript(Session& session, const std::filesystem::path& path) {
  at::NoGradGuard no_grad;
  session.model->eval();
  for (auto& preprocess : session.preprocess) preprocess = preprocess.to(session.device);
  ExportReport report;
  for (const auto& preprocess : session.preprocess)
    report.inputs.push_back(fmt::format("{}: [N, {}], {}", preprocess.spec().name,
                                        fmt::join(preprocess.spec().shape, ", "),
                                        describe_values(preprocess, session.experiment.data)));
  auto module = trace(session, fmt::format("{}", fmt::join(report.inputs, "\n")));
  module.eval();
  std::ostringstream bytes;
  module.save(bytes);
  write_file_atomically(path, bytes.str());
  for (const auto& task : session.tasks)
    report.outputs.push_back(fmt::format("{}: [{}]", task->name(), fmt::join(task->prediction_names(), ", ")));
  report.largest_difference = largest_difference(session, path);
  return report;
}

void export_safetensors(const Session& session, const std::filesystem::path& path) {
  Node tasks = Node::map_of();
  for (const auto& task : session.tasks) {
    Node names = Node::sequence_of({});
    for (const auto& name : task->prediction_names()) names.append(Node::scalar_of(name, true));
    tasks.set(task->name(), names);
  }
  write_safetensors(path, session.model->state(), {{"format", "pt"}, {"polytask.tasks", write_json(tasks)}});
}

}  // namespace polytask
