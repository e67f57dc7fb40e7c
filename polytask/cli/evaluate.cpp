#include <polytask/cli/verbs.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/json.h>
#include <polytask/reporting/result_table.h>
#include <polytask/training/evaluation.h>
#include <polytask/training/open_run.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>

namespace polytask {
namespace {

struct EvaluateArguments {
  std::string run, checkpoint = "best", split = "test", json;
  std::vector<std::string> overrides;
  bool confusion = false;
};

void print_confusion(const Session& session, const Evaluation& evaluation) {
  for (size_t t = 0; t < session.tasks.size(); ++t) {
    const auto table = confusion_table(evaluation.confusion[t], session.tasks[t]->class_names());
    if (!table.empty()) fmt::print("{}\n{}\n", session.tasks[t]->name(), table);
  }
}

void run_evaluate(const EvaluateArguments& arguments) {
  OpenedRun opened = open_run(arguments.run, arguments.checkpoint, arguments.overrides);
  Session& session = opened.session;
  const auto rows = rows_of_split(opened, arguments.split, arguments.run);
  const auto tasks = session.objective_names();
  const auto evaluation = evaluate(session, *session.data.dataset, rows, arguments.split);
  fmt::print("{} rows of {}, {}\n\n{}\n{}", evaluation.rows, arguments.split, opened.checkpoint.string(),
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
