#include <polytask/core/error.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/json.h>
#include <polytask/training/run_log.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>

namespace polytask {
namespace {

Node number(double value) { return Node::scalar_of(number_text(value)); }
Node number(int64_t value) { return Node::scalar_of(std::to_string(value)); }
Node text(const std::string& value) { return Node::scalar_of(value, true); }

Node per_task(const std::vector<std::string>& tasks, const std::vector<double>& values) {
  Node node = Node::map_of();
  for (size_t t = 0; t < tasks.size(); ++t) node.set(tasks[t], number(values[t]));
  return node;
}

Node couplings_node(const std::vector<std::string>& names, const std::vector<CouplingResult>& couplings) {
  Node node = Node::map_of();
  for (size_t c = 0; c < couplings.size(); ++c) {
    Node figures = Node::map_of({{"value", number(couplings[c].value)}, {"weight", number(couplings[c].weight)}});
    for (const auto& [name, value] : couplings[c].figures) figures.set(name, number(value));
    node.set(names[c], figures);
  }
  return node;
}

// The lines that belong to steps up to `keep`, without a last line that is not whole.
std::string kept_lines(const std::string& content, const std::string& name, int64_t keep) {
  std::string kept;
  for (size_t begin = 0, end = 0; (end = content.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const std::string line = content.substr(begin, end - begin);
    if (line.empty()) continue;
    const Node node = parse_json(line, name);
    const Node* step = node.find("step");
    if (step != nullptr && integer_of(*step) <= keep) kept += line + "\n";
  }
  return kept;
}

}  // namespace

RunLog::RunLog(const std::filesystem::path& directory, std::vector<std::string> tasks,
               std::vector<std::string> couplings, bool tensorboard, int64_t keep_steps)
    : path_(directory / "metrics.jsonl"), tasks_(std::move(tasks)), couplings_(std::move(couplings)) {
  std::error_code error;
  if (std::filesystem::exists(path_, error))
    write_file_atomically(path_, kept_lines(read_file(path_), path_.string(), keep_steps));
  file_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file_ < 0) throw InputError("{}: cannot be written: {}", path_.string(), std::strerror(errno));
  if (tensorboard) events_ = std::make_unique<EventFile>(directory);
}

RunLog::~RunLog() {
  if (file_ >= 0) close(file_);
}

void RunLog::write(const Node& line) {
  const std::string bytes = write_json(line) + "\n";
  size_t done = 0;
  while (done < bytes.size()) {
    const auto written = ::write(file_, bytes.data() + done, bytes.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw InputError("{}: cannot be written: {}", path_.string(), std::strerror(errno));
    done += static_cast<size_t>(written);
  }
}

void RunLog::scalar(const std::string& tag, double value, int64_t step) {
  if (events_ != nullptr && !std::isnan(value)) events_->add_scalar(tag, value, step);
}

void RunLog::step(int64_t step, int64_t epoch, const StepResult& result, double lr, double seconds) {
  Node line = Node::map_of({{"kind", text("step")}, {"step", number(step)}, {"epoch", number(epoch)}});
  line.set("losses", per_task(tasks_, result.losses));
  if (!result.weights.w.empty()) {
    line.set("loss", number(result.objective()));
    line.set("weights", per_task(tasks_, result.weights.w));
  }
  for (const auto& [name, values] : result.weights.shown) line.set(name, per_task(tasks_, values));
  if (const auto& solver = result.weights.solver)
    line.set("solver", Node::map_of({{"solved", Node::scalar_of(solver->solved ? "true" : "false")},
                                     {"iterations", number(solver->iterations)},
                                     {"residual", number(solver->residual)}}));
  if (!result.gradient_norms.empty()) line.set("gradient_norms", per_task(tasks_, result.gradient_norms));
  if (!std::isnan(result.penalty)) line.set("penalty", number(result.penalty));
  if (!result.couplings.empty()) line.set("couplings", couplings_node(couplings_, result.couplings));
  if (result.skipped) line.set("skipped", Node::scalar_of("true"));
  line.set("lr", number(lr));
  line.set("seconds", number(seconds));
  write(line);

  for (size_t t = 0; t < tasks_.size(); ++t) {
    scalar("train/loss/" + tasks_[t], result.losses[t], step);
    if (!result.weights.w.empty()) scalar("balancing/weight/" + tasks_[t], result.weights.w[t], step);
    for (const auto& [name, values] : result.weights.shown)
      scalar("balancing/" + name + "/" + tasks_[t], values[t], step);
    if (!result.gradient_norms.empty()) scalar("gradient_norm/" + tasks_[t], result.gradient_norms[t], step);
  }
  for (size_t c = 0; c < result.couplings.size(); ++c) {
    scalar("train/coupling/" + couplings_[c], result.couplings[c].value, step);
    for (const auto& [name, value] : result.couplings[c].figures)
      scalar("train/coupling/" + couplings_[c] + "/" + name, value, step);
  }
  scalar("train/penalty", result.penalty, step);
  if (!result.skipped) scalar("train/loss", result.objective(), step);
  scalar("train/lr", lr, step);
}

void RunLog::epoch(int64_t step, int64_t epoch, const std::vector<double>& train_losses, const Evaluation* validation,
                   double seconds) {
  Node line = Node::map_of({{"kind", text("epoch")}, {"step", number(step)}, {"epoch", number(epoch)}});
  line.set("train", per_task(tasks_, train_losses));
  if (validation != nullptr) line.set("validation", to_node(*validation, tasks_));
  line.set("seconds", number(seconds));
  write(line);
  if (validation != nullptr) {
    scalar("val/loss", validation->objective, step);
    for (size_t t = 0; t < tasks_.size(); ++t) {
      scalar("val/loss/" + tasks_[t], validation->losses[t], step);
      for (const auto& metric : validation->metrics[t])
        scalar("val/" + tasks_[t] + "/" + metric.name, metric.value, step);
    }
    for (const auto& [name, value] : validation->couplings) scalar("val/coupling/" + name, value, step);
  }
  if (events_ != nullptr) events_->flush();
}

void RunLog::evaluation(int64_t step, const std::string& split, const Evaluation& evaluation) {
  write(Node::map_of({{"kind", text("evaluation")},
                      {"step", number(step)},
                      {"split", text(split)},
                      {"figures", to_node(evaluation, tasks_)}}));
  for (size_t t = 0; t < tasks_.size(); ++t)
    for (const auto& metric : evaluation.metrics[t])
      scalar(split + "/" + tasks_[t] + "/" + metric.name, metric.value, step);
  if (events_ != nullptr) events_->flush();
}

void RunLog::event(int64_t step, const std::string& what) {
  write(Node::map_of({{"kind", text("event")}, {"step", number(step)}, {"what", text(what)}}));
}

}  // namespace polytask
