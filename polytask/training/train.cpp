#include <polytask/core/error.h>
#include <polytask/core/log.h>
#include <polytask/core/threads.h>
#include <polytask/io/json.h>
#include <polytask/objectives/direction.h>
#include <polytask/training/provenance.h>
#include <polytask/training/train.h>

#include <algorithm>
#include <cmath>

namespace polytask {
namespace {

// The log file of a run, closed however training ends.
class LogFile {
 public:
  explicit LogFile(const RunDirectory& run) { open_log_file(run.path() / "log.txt"); }
  ~LogFile() { close_log_file(); }
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;
};

int64_t count_parameters(Session& session) {
  int64_t count = 0;
  for (const auto& parameter : session.model->model_parameters()) count += parameter.tensor.numel();
  return count;
}

void describe(Session& session) {
  const auto blas = blas_report();
  for (const auto& [name, value] : version_facts())
    if (name == "libtorch" || name == "blas" || name == "threads") log_info("{}: {}", name, value);
  if (!blas.warning.empty()) log_warning("{}", blas.warning);
  log_info("device: {}", session.device.str());
  const auto& split = session.data.split;
  log_info("rows: {} train, {} validation, {} test", split.train.size(), split.validation.size(), split.test.size());
  log_info("parameters: {}", count_parameters(session));
  for (const auto& warning : session.data.warnings) log_warning("{}", warning);
}

Node fingerprint_node(const Source& source) {
  Node node = Node::map_of();
  for (const auto& [file, digest] : source.fingerprints()) node.set(file, Node::scalar_of(digest, true));
  return node;
}

Node number(int64_t value) { return Node::scalar_of(std::to_string(value)); }

// Every figure that evaluations of this run will have: task or coupling → name → which direction is better, and the
// unit.
Node figures_node(const Session& session) {
  Node node = Node::map_of();
  for (const auto& task : session.tasks) {
    Node figures = Node::map_of();
    for (const auto& figure : task->make_metrics()->values()) {
      figures.set(figure.name, Node::map_of({{"better", Node::scalar_of(direction_name(figure.direction), true)},
                                             {"unit", Node::scalar_of(figure.unit, true)}}));
    }
    node.set(task->name(), figures);
  }
  for (const auto& coupling : session.coupling_names())
    node.set(coupling, Node::map_of({{"value", Node::map_of({{"better", Node::scalar_of("lower", true)},
                                                             {"unit", Node::scalar_of("", true)}})}}));
  return node;
}

void record_facts(Session& session, RunDirectory& run) {
  const auto& split = session.data.split;
  run.set_fact("data", fingerprint_node(session.data.dataset->source()));
  run.set_fact("rows", Node::map_of({{"train", number(static_cast<int64_t>(split.train.size()))},
                                     {"validation", number(static_cast<int64_t>(split.validation.size()))},
                                     {"test", number(static_cast<int64_t>(split.test.size()))}}));
  run.set_fact("parameters", number(count_parameters(session)));
  run.set_fact("figures", figures_node(session));
}

// A run goes on with the data that it began with.
void require_same_data(const RunDirectory& run, const Source& source) {
  const Node facts = read_json_file(run.path() / "run.json");
  const Node* known = facts.find("data");
  if (known == nullptr) return;
  for (const auto& [file, digest] : source.fingerprints())
    if (known->text_or(file, digest) != digest)
      throw InputError("{}: {} has changed since the run began; put the old data back, or begin a new run",
                       run.path().string(), file);
}

Session open_experiment(const Node& configuration) {
  auto experiment = resolve_experiment(configuration);
  set_threads(experiment.threads);
  return open_session(std::move(experiment));
}

std::vector<int64_t> first_rows(const std::vector<int64_t>& rows, int64_t n) {
  return {rows.begin(), rows.begin() + std::min<int64_t>(n, static_cast<int64_t>(rows.size()))};
}

}  // namespace

TrainResult train(const Node& configuration, const RunRequest& request) {
  Session session = open_experiment(configuration);
  auto run = RunDirectory::create(session.experiment, request.directory, request.command_line);
  const LogFile log(run);
  record_facts(session, run);
  describe(session);
  return Trainer(session, run).run();
}

TrainResult resume(const std::filesystem::path& path) {
  auto run = RunDirectory::open(path);
  const LogFile log(run);
  auto experiment = read_run_configuration(path);
  set_threads(experiment.threads);
  if (!std::filesystem::exists(run.last_checkpoint())) {
    log_info("{}: no checkpoint was reached; starting at step 0", path.string());
    Session session = open_session(std::move(experiment));
    record_facts(session, run);
    describe(session);
    return Trainer(session, run).run();
  }
  const auto checkpoint = load_checkpoint(run.last_checkpoint());
  Session session = open_session(std::move(experiment), &checkpoint);
  require_same_data(run, session.data.dataset->source());
  describe(session);
  return Trainer(session, run, &checkpoint).run();
}

CheckReport check(const Node& configuration) {
  Session session = open_experiment(configuration);
  describe(session);
  auto& split = session.data.split;
  CheckReport report;
  report.tasks = session.objective_names();
  report.train_rows = static_cast<int64_t>(split.train.size());
  report.validation_rows = static_cast<int64_t>(split.validation.size());
  report.test_rows = static_cast<int64_t>(split.test.size());
  report.parameters = count_parameters(session);

  GroupedOptimizer optimizer(session.experiment.optimizer, session.model->model_parameters(),
                             session.balancer->method().parameters(), report.tasks);
  Random random(session.experiment.seed, "balance");
  Stepper stepper(session, optimizer, random);
  Loader loader(*session.data.dataset, session.data.loader, session.experiment.seed, session.data.augment);
  const int64_t samples = session.balancer->method().needs().independent_batches;
  const int64_t first = samples * session.data.loader.batch_size;
  loader.start(first_rows(session.data.sampler->order(session.experiment.seed, 0), first), 0);
  session.model->begin_epoch(0, session.experiment.train.epochs);
  session.model->train();
  std::vector<Batch> batches;
  while (auto batch = loader.next()) batches.push_back(std::move(*batch));
  batches.resize(batches.size() / static_cast<size_t>(samples) * static_cast<size_t>(samples));
  if (batches.empty())
    throw InputError(
        "balancing: this method takes {} independent batches a step, and the training rows do not make "
        "them; lower data.batch_size",
        samples);
  report.step = stepper.step(batches, LossState(), true);
  if (report.step.gradient_norms.empty()) report.step.gradient_norms.assign(report.tasks.size(), std::nan(""));
  for (const auto& [name, rows] : {std::pair("validation", &split.validation), std::pair("test", &split.test)}) {
    if (rows->empty()) continue;
    evaluate(session, *session.data.dataset, first_rows(*rows, session.data.loader.batch_size), name);
    report.evaluated.emplace_back(name);
  }
  return report;
}

}  // namespace polytask
