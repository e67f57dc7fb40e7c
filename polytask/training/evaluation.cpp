#include <polytask/core/error.h>
#include <polytask/core/interrupt.h>
#include <polytask/core/log.h>
#include <polytask/core/progress.h>
#include <polytask/core/suggest.h>
#include <polytask/training/evaluation.h>
#include <polytask/training/step.h>

#include <ATen/core/grad_mode.h>

#include <cmath>

namespace polytask {
namespace {

// Sums of per-sample losses, weighted by the number of labelled samples of each batch.
struct LossSums {
  std::vector<double> sums, counts;
  explicit LossSums(size_t tasks) : sums(tasks), counts(tasks) {}
  void add(size_t task, double mean, double count) {
    sums[task] += mean * count;
    counts[task] += count;
  }
  std::vector<double> means() const {
    std::vector<double> result;
    for (size_t t = 0; t < sums.size(); ++t) result.push_back(counts[t] > 0 ? sums[t] / counts[t] : std::nan(""));
    return result;
  }
};

double labelled(const at::Tensor& target, const at::Tensor& valid) {
  return static_cast<double>(valid.defined() ? valid.sum().item<int64_t>() : target.numel());
}

void evaluate_batch(Session& session, const Batch& batch, LossSums& sums,
                    std::vector<std::unique_ptr<TaskMetrics>>& metrics) {
  const auto outputs = session.model->forward(batch.inputs);
  for (size_t t = 0; t < outputs.size(); ++t) {
    const auto [target, valid] = task_targets(batch, session.tasks[t]->name());
    if (!target.defined()) continue;
    sums.add(t, session.tasks[t]->loss(outputs[t], target, valid).item<double>(), labelled(target, valid));
    metrics[t]->update(outputs[t], target, valid);
  }
}

void summarise_losses(Session& session, Evaluation& result) {
  LossState state = session.progress;
  state.losses = result.losses;
  state.present.clear();
  for (double loss : result.losses) state.present.push_back(std::isfinite(loss) ? 1 : 0);
  try {
    result.weights = session.balancer->evaluate(state);
  } catch (const WorkError& error) {  // a loss the method can not weigh (0 under a logarithm) is no end of training
    log_warning("evaluation: {}", error.what());
    result.weights.w.assign(result.losses.size(), std::nan(""));
    result.weights.objective = std::nan("");
  }
  result.objective = result.weights.objective;
  // A loss that is not finite must not make the sum look good by being left out.
  for (size_t t = 0; t < result.losses.size(); ++t)
    if (result.labelled[t] > 0 && !std::isfinite(result.losses[t])) result.objective = result.losses[t];
}

Node number_node(double value) { return Node::scalar_of(number_text(value)); }

}  // namespace

MetricValue Evaluation::find(const std::string& key, const std::vector<std::string>& tasks) const {
  if (key == "loss") return {"loss", objective, Direction::lower_is_better, ""};
  std::vector<std::string> known = {"loss"};
  for (size_t t = 0; t < tasks.size(); ++t) {
    if (key == tasks[t] + "/loss") return {key, losses[t], Direction::lower_is_better, ""};
    known.push_back(tasks[t] + "/loss");
    for (const auto& metric : metrics[t]) {
      if (key == tasks[t] + "/" + metric.name) return metric;
      known.push_back(tasks[t] + "/" + metric.name);
    }
  }
  throw InputError("train.monitor: there is no figure \"{}\"{}", key, did_you_mean(key, known));
}

Evaluation evaluate(Session& session, const Dataset& dataset, const std::vector<int64_t>& rows,
                    const std::string& title) {
  at::NoGradGuard no_grad;
  session.model->eval();
  LoaderOptions options = session.data.loader;
  if (const auto batch = session.experiment.train.evaluation_batch; batch > 0) options.batch_size = batch;
  options.drop_last = false;
  const std::vector<std::unique_ptr<Transform>> none;
  Loader loader(dataset, options, session.experiment.seed, none);
  loader.start(rows, 0);

  Evaluation result;
  LossSums sums(session.tasks.size());
  std::vector<std::unique_ptr<TaskMetrics>> metrics;
  for (const auto& task : session.tasks) metrics.push_back(task->make_metrics());
  Progress progress(title, static_cast<int64_t>(rows.size()), "samples");
  while (const auto batch = loader.next()) {
    if (interrupt_signal() != 0) throw Interrupted("interrupted during evaluation: " + title);
    evaluate_batch(session, to_device(*batch, session.device), sums, metrics);
    result.rows += batch->size();
    progress.update(result.rows);
  }
  result.losses = sums.means();
  result.labelled = sums.counts;
  for (const auto& metric : metrics) {
    result.metrics.push_back(metric->values());
    result.confusion.push_back(metric->confusion());
  }
  if (session.balancer != nullptr) summarise_losses(session, result);
  return result;
}

Node to_node(const Evaluation& evaluation, const std::vector<std::string>& tasks) {
  Node node = Node::map_of({{"loss", number_node(evaluation.objective)}});
  for (size_t t = 0; t < tasks.size(); ++t) {
    Node figures = Node::map_of({{"loss", number_node(evaluation.losses[t])}});
    for (const auto& metric : evaluation.metrics[t]) figures.set(metric.name, number_node(metric.value));
    node.set(tasks[t], figures);
  }
  return node;
}

}  // namespace polytask
