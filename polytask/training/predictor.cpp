#include <polytask/core/error.h>
#include <polytask/core/progress.h>
#include <polytask/core/suggest.h>
#include <polytask/training/predictor.h>
#include <polytask/training/run_directory.h>
#include <polytask/training/step.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <numeric>

namespace polytask {
namespace {

Session open_run(const std::filesystem::path& run, const std::string& checkpoint, const std::string& device) {
  auto experiment = read_run_configuration(run);
  if (!device.empty()) experiment.device = device;
  return open_model(std::move(experiment), load_checkpoint(find_checkpoint(run, checkpoint)));
}

std::vector<std::string> names_of(const std::vector<Preprocess>& inputs) {
  std::vector<std::string> names;
  for (const auto& input : inputs) names.push_back(input.spec().name);
  return names;
}

// The samples of one input, which must be as many as those of the first one.
const at::Tensor& checked_input(const NamedTensors& raw, const std::vector<Preprocess>& inputs, size_t index) {
  const InputSpec& spec = inputs[index].spec();
  const auto found = raw.find(spec.name);
  if (found == raw.end())
    throw InputError("input \"{}\" is missing: the run reads {}", spec.name, fmt::join(names_of(inputs), ", "));
  const at::Tensor& samples = found->second;
  std::vector<int64_t> expected = {samples.dim() > 0 ? samples.size(0) : 0};
  expected.insert(expected.end(), spec.shape.begin(), spec.shape.end());
  if (samples.sizes() != at::IntArrayRef(expected))
    throw InputError("input \"{}\": expected samples of shape [N, {}], got {}", spec.name, fmt::join(spec.shape, ", "),
                     c10::str(samples.sizes()));
  const auto first = raw.find(inputs.front().spec().name);
  if (samples.size(0) != first->second.size(0))
    throw InputError("input \"{}\" has {} samples, but \"{}\" has {}", spec.name, samples.size(0), first->first,
                     first->second.size(0));
  return samples;
}

}  // namespace

bool TaskPrediction::is_map() const { return values.dim() > 2; }

std::string TaskPrediction::label(int64_t row) const {
  if (is_map()) throw InputError("task \"{}\" predicts maps: a sample has no one label", task);
  return names[static_cast<size_t>(values[row].argmax().item<int64_t>())];
}

double TaskPrediction::probability(int64_t row) const { return values[row].max().item<double>(); }

const TaskPrediction& Predictions::task(const std::string& name) const {
  std::vector<std::string> known;
  for (const auto& prediction : tasks) {
    if (prediction.task == name) return prediction;
    known.push_back(prediction.task);
  }
  throw InputError("there is no task \"{}\"{}", name, did_you_mean(name, known));
}

Predictor::Predictor(const std::filesystem::path& run, const std::string& checkpoint, const std::string& device)
    : session_(open_run(run, checkpoint, device)) {}

std::vector<at::Tensor> Predictor::forward(const NamedTensors& inputs) {
  const auto outputs = session_.model->forward(inputs);
  std::vector<at::Tensor> values;
  for (size_t t = 0; t < outputs.size(); ++t) values.push_back(session_.tasks[t]->predict(outputs[t]).cpu());
  return values;
}

Predictions Predictor::predict(const std::vector<std::string>& paths) {
  at::NoGradGuard no_grad;
  const auto dataset = open_for_prediction(session_.experiment.data, paths, session_.preprocess);
  const auto& source = dataset->source();
  std::vector<int64_t> order(static_cast<size_t>(source.size()));
  std::iota(order.begin(), order.end(), 0);
  const std::vector<std::unique_ptr<Transform>> none;
  Loader loader(*dataset, LoaderOptions{}, session_.experiment.seed, none);
  loader.start(order, 0);
  Progress bar("predict", source.size(), "samples");
  std::vector<std::vector<at::Tensor>> batches;
  std::vector<std::string> rows;
  while (const auto batch = loader.next()) {
    batches.push_back(forward(to_device(*batch, session_.device).inputs));
    for (const auto row : batch->rows) rows.push_back(source.row_name(row));
    bar.update(static_cast<int64_t>(rows.size()));
  }
  return collect(batches, std::move(rows));
}

std::vector<InputSpec> Predictor::inputs() const {
  std::vector<InputSpec> specs;
  for (const auto& preprocess : session_.preprocess) specs.push_back(preprocess.spec());
  return specs;
}

Predictions Predictor::predict(const NamedTensors& raw) {
  at::NoGradGuard no_grad;
  const auto names = names_of(session_.preprocess);
  for (const auto& [name, samples] : raw)
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw InputError("the run has no input \"{}\"{}", name, did_you_mean(name, names));
  NamedTensors inputs;
  for (size_t i = 0; i < names.size(); ++i)
    inputs[names[i]] = session_.preprocess[i].apply(checked_input(raw, session_.preprocess, i)).to(session_.device);
  std::vector<std::string> rows;
  for (int64_t i = 0; i < inputs.at(names[0]).size(0); ++i) rows.push_back(std::to_string(i));
  return collect({forward(inputs)}, std::move(rows));
}

Predictions Predictor::predict(const at::Tensor& raw) {
  if (session_.preprocess.size() > 1)
    throw InputError("the run reads {} inputs ({}): give a tensor for each, by name", session_.preprocess.size(),
                     fmt::join(names_of(session_.preprocess), ", "));
  return predict(NamedTensors{{input().name, raw}});
}

Predictions Predictor::collect(const std::vector<std::vector<at::Tensor>>& batches,
                               std::vector<std::string> rows) const {
  Predictions predictions;
  predictions.rows = std::move(rows);
  for (size_t t = 0; t < session_.tasks.size(); ++t) {
    const auto& task = *session_.tasks[t];
    std::vector<at::Tensor> parts;
    for (const auto& batch : batches) parts.push_back(batch[t]);
    const auto names = task.prediction_names();
    const auto values = parts.empty() ? at::empty({0, static_cast<int64_t>(names.size())}) : at::cat(parts);
    predictions.tasks.push_back({task.name(), names, values, task.is_classification()});
  }
  return predictions;
}

}  // namespace polytask
