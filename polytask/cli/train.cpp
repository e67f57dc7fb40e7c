#include <polytask/cli/verbs.h>
#include <polytask/config/yaml.h>
#include <polytask/core/error.h>
#include <polytask/core/log.h>
#include <polytask/reporting/map_page.h>
#include <polytask/reporting/result_table.h>
#include <polytask/reporting/table.h>
#include <polytask/training/train.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace polytask {
namespace {

struct TrainArguments {
  std::string config, resume, run_directory;
  std::vector<std::string> overrides;
  bool check = false, print_config = false;
};

// The run is finished, whatever becomes of its page.
void print_map_page(const std::string& run) {
  try {
    if (const auto page = write_map_page(run)) fmt::print("maps: {}\n", page->string());
  } catch (const InputError& error) {
    log_warning("there is no page of maps: {}", error.what());
  }
}

void print_result(const TrainResult& result) {
  const auto* validation = result.validation ? &*result.validation : nullptr;
  const auto* test = result.test ? &*result.test : nullptr;
  const auto* any = test != nullptr ? test : validation;
  fmt::print("\n{}\n", metrics_table(result.tasks, {"validation", "test"}, {validation, test}));
  if (any != nullptr)
    fmt::print("Losses and balancing on {} rows\n{}\n", test != nullptr ? "test" : "validation",
               weights_table(result.tasks, *any));
  const auto& progress = result.progress;
  fmt::print("{} steps, {} epochs{}; best {} {} after epoch {}\n", progress.step, progress.epoch,
             result.stopped_early ? " (stopped early)" : "", result.monitor, figure_text(progress.best),
             progress.best_epoch);
  if (progress.failed_solves > 0)
    fmt::print("in {} steps the balancing method's solver fell back\n", progress.failed_solves);
  if (progress.skipped_steps > 0 || progress.dropped_losses > 0)
    fmt::print("not finite: {} losses or gradients, {} steps skipped\n", progress.dropped_losses,
               progress.skipped_steps);
  fmt::print("run: {}\n", result.run);
  print_map_page(result.run);
}

void print_check(const CheckReport& report) {
  TextTable table({"task", "loss", "weight", "gradient norm"});
  for (size_t t = 0; t < report.tasks.size(); ++t)
    table.add({report.tasks[t], figure_text(report.step.losses[t]), figure_text(report.step.weights.w[t]),
               figure_text(report.step.gradient_norms[t])});
  fmt::print("{}\nrows: {} train, {} validation, {} test; parameters: {}\n", table.text(), report.train_rows,
             report.validation_rows, report.test_rows, report.parameters);
  fmt::print("check passed: one training step{}\n",
             report.evaluated.empty() ? "" : fmt::format(", one batch of {}", fmt::join(report.evaluated, " and ")));
}

void run_train(const TrainArguments& arguments) {
  if (!arguments.resume.empty()) {
    if (!arguments.config.empty() || !arguments.run_directory.empty() || arguments.check || arguments.print_config)
      throw InputError("--resume takes a run up as it is: give no configuration, override or other option with it");
    return print_result(resume(arguments.resume));
  }
  if (arguments.config.empty())
    throw InputError("no configuration is given: polytask train CONFIG.yaml, or --resume RUN");
  const Node configuration = load_configuration(arguments.config, arguments.overrides);
  if (arguments.print_config) {
    fmt::print("{}", write_yaml(resolve_experiment(configuration).resolved));
  } else if (arguments.check) {
    print_check(check(configuration));
  } else {
    print_result(train(configuration, {arguments.run_directory, command_line()}));
  }
}

}  // namespace

void add_train(CLI::App& program) {
  auto* verb =
      program.add_subcommand("train", "train a model from one YAML file; prints the metrics and where the run lies");
  auto arguments = std::make_shared<TrainArguments>();
  verb->add_option("config", arguments->config, "the experiment (YAML), or a run's config.yaml");
  verb->add_option("overrides", arguments->overrides, "values that replace the file's: a.b=value …");
  verb->add_option("--run-dir", arguments->run_directory, "where the run is to lie (default: runs/<name>/<time>-<id>)");
  verb->add_option("--resume", arguments->resume, "go on with this run directory");
  verb->add_flag("--check", arguments->check, "one batch of everything, then stop; leaves nothing behind");
  verb->add_flag("--print-config", arguments->print_config, "print the configuration with all defaults, then stop");
  verb->callback([arguments] { run_train(*arguments); });
}

}  // namespace polytask
