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

// What couplings came to over all batches.
struct CouplingSums {
  LossSums values;
  std::vector<std::vector<std::pair<std::string, double>>> figures;
  explicit CouplingSums(size_t couplings) : values(couplings), figures(couplings) {}
};

// Couplings come after the tasks among the losses, where they are balanced, and have sums of their own.
void evaluate_couplings(Session& session, const Batch& batch, const std::vector<at::Tensor>& outputs, LossSums& losses,
                        CouplingSums& sums) {
  size_t objective = session.tasks.size();
  for (size_t c = 0; c < session.couplings.size(); ++c) {
    auto& term = session.couplings[c];
    const at::Tensor value = term.value(outputs, observed_everywhere(batch));
    const auto counted = static_cast<double>(term.coupling().averaged_over().value_or(batch.size()));
    const bool counts = value.defined() && counted > 0;
    if (counts) sums.values.add(c, value.item<double>(), counted);
    add_figures(term.coupling().figures(), sums.figures[c]);
    if (!term.balanced()) continue;
    const double weight = term.weight(session.progress.epoch);
    if (counts && weight > 0) losses.add(objective, weight * value.item<double>(), counted);
    ++objective;
  }
}

void evaluate_batch(Session& session, const Batch& batch, LossSums& sums, CouplingSums& couplings,
                    std::vector<std::unique_ptr<TaskMetrics>>& metrics) {
  const auto outputs = session.model->forward(batch.inputs);
  for (size_t t = 0; t < outputs.size(); ++t) {
    const auto [target, valid] = task_targets(batch, session.tasks[t]->name());
    if (!target.defined()) continue;
    const at::Tensor loss = session.tasks[t]->loss(outputs[t], target, valid);
    if (loss.defined()) sums.add(t, loss.item<double>(), labelled(target, valid));
    metrics[t]->update(outputs[t], target, valid);
  }
  evaluate_couplings(session, batch, outputs, sums, couplings);
}

// What the couplings beside the balanced losses add to the objective.
double coupled_terms(const Session& session, const Evaluation& result) {
  double sum = 0;
  for (size_t c = 0; c < session.couplings.size(); ++c) {
    const double value = result.couplings[c].second;
    if (!session.couplings[c].balanced() && !std::isnan(value))
      sum += session.couplings[c].weight(session.progress.epoch) * value;
  }
  return sum;
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
  result.objective = result.weights.objective + coupled_terms(session, result);
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
  for (const auto& [name, value] : couplings) {
    if (key == name) return {key, value, Direction::lower_is_better, ""};
    known.push_back(name);
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
  LossSums sums(session.objective_names().size());
  CouplingSums couplings(session.couplings.size());
  std::vector<std::unique_ptr<TaskMetrics>> metrics;
  for (const auto& task : session.tasks) metrics.push_back(task->make_metrics());
  Progress progress(title, static_cast<int64_t>(rows.size()), "samples");
  while (const auto batch = loader.next()) {
    if (interrupt_signal() != 0) throw Interrupted("interrupted during evaluation: " + title);
    evaluate_batch(session, to_device(*batch, session.device), sums, couplings, metrics);
    result.rows += batch->size();
    progress.update(result.rows);
  }
  result.losses = sums.means();
  result.labelled = sums.counts;
  for (const auto& metric : metrics) {
    result.metrics.push_back(metric->values());
    result.confusion.push_back(metric->confusion());
  }
  result.metrics.resize(result.losses.size());
  result.confusion.resize(result.losses.size());
  const auto values = couplings.values.means();
  for (size_t c = 0; c < values.size(); ++c) result.couplings.emplace_back(session.couplings[c].name(), values[c]);
  result.coupling_figures = std::move(couplings.figures);
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
  for (size_t c = 0; c < evaluation.couplings.size(); ++c) {
    const auto& [name, value] = evaluation.couplings[c];
    if (const Node* balanced = node.find(name); balanced == nullptr) node.set(name, Node::map_of());
    Node figures = *node.find(name);
    figures.set("value", number_node(value));
    for (const auto& [figure, count] : evaluation.coupling_figures[c]) figures.set(figure, number_node(count));
    node.set(name, figures);
  }
  return node;
}

}  // namespace polytask
