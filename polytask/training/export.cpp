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

std::vector<at::Tensor> run_model(Session& session, const at::Tensor& raw) {
  const auto& preprocess = session.input();
  const auto outputs = session.model->forward({{preprocess.spec().name, preprocess.apply(raw)}});
  std::vector<at::Tensor> results;
  for (size_t t = 0; t < outputs.size(); ++t) results.push_back(session.tasks[t]->predict(outputs[t]));
  return results;
}

// A module that owns the model's parameters and buffers, so that tracing refers to them instead of copying them as
// constants.
jit::Module make_shell(const Session& session, const std::string& input) {
  jit::Module shell("PolytaskModel");
  const auto flat = [](std::string name) {
    std::replace(name.begin(), name.end(), '.', '_');
    return name;
  };
  for (const auto& item : session.model->named_parameters())
    shell.register_parameter(flat(item.key()), item.value(), /*is_buffer=*/false);
  for (const auto& item : session.model->named_buffers()) shell.register_buffer(flat(item.key()), item.value());
  c10::List<std::string> tasks;
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
  shell.register_attribute("input", c10::StringType::get(), input);
  return shell;
}

jit::Module trace(Session& session, const std::string& input) {
  jit::Module shell = make_shell(session, input);
  const auto example = sample_input(session.input().spec(), 3).to(session.device);
  const auto traced = jit::tracer::trace(
      {example},
      [&](jit::Stack inputs) -> jit::Stack {
        const auto outputs = run_model(session, inputs.at(0).toTensor());
        return {c10::ivalue::Tuple::create(std::vector<c10::IValue>(outputs.begin(), outputs.end()))};
      },
      [](const at::Tensor&) { return std::string(); }, /*strict=*/true, /*force_outplace=*/false, &shell, {"raw"});
  auto* function = shell._ivalue()->compilation_unit()->create_function(
      c10::QualifiedName(*shell.type()->name(), "forward"), traced.first->graph);
  shell.type()->addMethod(function);
  return shell;
}

double largest_difference(Session& session, const std::filesystem::path& path) {
  auto reloaded = jit::load(path.string(), session.device);
  const auto raw = sample_input(session.input().spec(), 5).to(session.device);
  const auto expected = run_model(session, raw);
  const auto got = reloaded.forward({raw}).toTuple();
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

}  // namespace

ExportReport export_torchscript(Session& session, const std::filesystem::path& path) {
  at::NoGradGuard no_grad;
  session.model->eval();
  for (auto& preprocess : session.preprocess) preprocess = preprocess.to(session.device);
  const auto& spec = session.input().spec();
  ExportReport report;
  report.input = fmt::format("{}: [N, {}], {}", spec.name, fmt::join(spec.shape, ", "),
                             spec.is_image() ? "values 0…255" : "columns in the order of the training table");
  auto module = trace(session, report.input);
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
