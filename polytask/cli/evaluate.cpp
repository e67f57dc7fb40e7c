#include <polytask/cli/verbs.h>
#include <polytask/config/yaml.h>
#include <polytask/core/error.h>
#include <polytask/core/log.h>
#include <polytask/core/threads.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/json.h>
#include <polytask/reporting/result_table.h>
#include <polytask/training/evaluation.h>
#include <polytask/training/run_directory.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <numeric>

namespace polytask {
namespace {

struct EvaluateArguments {
  std::string run, checkpoint = "best", split = "test", json;
  std::vector<std::string> overrides;
  bool confusion = false;
};

std::vector<int64_t> rows_of(const DataModule& data, const std::string& split) {
  if (split == "train") return data.split.train;
  if (split == "validation") return data.split.validation;
  if (split == "test") return data.split.test;
  std::vector<int64_t> all(static_cast<size_t>(data.dataset->source().size()));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

void print_confusion(const Session& session, const Evaluation& evaluation) {
  for (size_t t = 0; t < session.tasks.size(); ++t) {
    const auto table = confusion_table(evaluation.confusion[t], session.tasks[t]->class_names());
    if (!table.empty()) fmt::print("{}\n{}\n", session.tasks[t]->name(), table);
  }
}

void run_evaluate(const EvaluateArguments& arguments) {
  const std::filesystem::path run = arguments.run;
  read_run_configuration(run);
  auto experiment = resolve_experiment(load_configuration(run / "config.yaml", arguments.overrides));
  set_threads(experiment.threads);
  const auto file = find_checkpoint(run, arguments.checkpoint);
  const auto checkpoint = load_checkpoint(file);
  Session session = open_session(std::move(experiment), &checkpoint);
  load_balancing(checkpoint, session);
  const auto rows = rows_of(session.data, arguments.split);
  if (rows.empty())
    throw InputError("{}: the data has no {} rows; choose another --split (train, validation, test, all)", run.string(),
                     arguments.split);
  const auto tasks = session.objective_names();
  const auto evaluation = evaluate(session, *session.data.dataset, rows, arguments.split);
  fmt::print("{} rows of {}, {}\n\n{}\n{}", evaluation.rows, arguments.split, file.string(),
             metrics_table(tasks, {arguments.split}, {&evaluation}), weights_table(tasks, evaluation));
  if (arguments.confusion) print_confusion(session, evaluation);
  if (!arguments.json.empty()) write_file_atomically(arguments.json, write_json(to_node(evaluation, tasks), 2) + "\n");
}

}  // namespace

void add_evaluate(CLI::App& program) {
  auto* verb =
      program.add_subcommand("evaluate", "metrics of a run's checkpoint on a split, or on other data by overrides");
  auto arguments = std::make_shared<EvaluateArguments>();
  verb->add_option("run", arguments->run, "run directory")->required();
  verb->add_option("overrides", arguments->overrides, "values that replace the run's: data.path=other.csv …");
  verb->add_option("--checkpoint", arguments->checkpoint, "best or last")->check(CLI::IsMember({"best", "last"}));
  verb->add_option("--split", arguments->split, "which rows")
      ->check(CLI::IsMember({"train", "validation", "test", "all"}));
  verb->add_option("--json", arguments->json, "also write the figures to this file");
  verb->add_flag("--confusion", arguments->confusion, "also print confusion matrices");
  verb->callback([arguments] { run_evaluate(*arguments); });
}

}  // namespace polytask
