#include <polytask/cli/verbs.h>
#include <polytask/config/experiment_options.h>
#include <polytask/core/error.h>
#include <polytask/reporting/comparison_report.h>
#include <polytask/training/compare/compare.h>
#include <polytask/training/compare/processes.h>
#include <polytask/training/experiment.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace polytask {
namespace {

struct CompareArguments {
  std::string config, directory, methods, architectures;
  std::vector<std::string> overrides;
  std::optional<int64_t> seeds, jobs;
  bool no_tuned = false, dry_run = false;
};

// "a,b,c"
std::vector<std::string> names_in(const std::string& text, const char* option) {
  std::vector<std::string> names;
  if (text.empty()) return names;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    if (end == begin) throw InputError("{}: \"{}\" has an empty name; write names as a,b,c", option, text);
    names.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return names;
}

CompareOptions options_of(const CompareArguments& arguments, const Experiment& experiment) {
  CompareOptions options = experiment.compare;
  for (const auto& [option, value] : {std::pair("--seeds", arguments.seeds), std::pair("--jobs", arguments.jobs)})
    if (value && *value < 1) throw InputError("{}: {} must be 1 or more", option, *value);
  if (arguments.seeds) options.seeds = *arguments.seeds;
  if (arguments.jobs) options.jobs = *arguments.jobs;
  if (arguments.no_tuned) options.tuned = false;
  return options;
}

void run_compare(const CompareArguments& arguments) {
  const Node configuration = load_configuration(arguments.config, arguments.overrides);
  const Experiment experiment = resolve_experiment(configuration);
  const auto options = options_of(arguments, experiment);
  const auto plan =
      make_plan(configuration, options,
                {names_in(arguments.methods, "--methods"), names_in(arguments.architectures, "--architectures")});
  if (arguments.dry_run) {
    fmt::print("{}", plan_text(plan));
    return;
  }
  const std::filesystem::path directory =
      arguments.directory.empty() ? std::filesystem::path(experiment.tracking.directory) / experiment.name / "compare"
                                  : std::filesystem::path(arguments.directory);
  const auto jobs = static_cast<size_t>(options.jobs);
  ProcessLauncher launcher(running_program(), jobs);
  const auto comparison = compare(plan, directory, jobs, launcher);
  write_comparison(directory, comparison);
  fmt::print("{}\ncompare: {}\n", comparison_text(comparison), (directory / "compare.md").string());
  if (comparison.split.empty())
    throw WorkError("nothing can be compared: no row has figures of every task; {} holds what the trainings said",
                    (directory / "logs").string());
}

}  // namespace

void add_compare(CLI::App& program) {
  auto* verb = program.add_subcommand(
      "compare",
      "single-task models, tuned constant weights, then methods and architectures over several seeds; a "
      "table with delta m. The same command goes on after an interruption");
  auto arguments = std::make_shared<CompareArguments>();
  verb->add_option("config", arguments->config, "the experiment (YAML), maybe with a `compare` section")->required();
  verb->add_option("overrides", arguments->overrides, "values that replace the file's: a.b=value …");
  verb->add_option("--methods", arguments->methods,
                   "balancing methods, a,b,c (default: the section's, or the file's own); equal is always compared");
  verb->add_option("--architectures", arguments->architectures,
                   "sharing architectures, a,b,c (default: the section's, or the file's own)");
  verb->add_option("--seeds", arguments->seeds, "how many seeds, from the file's on (default: 3)");
  verb->add_option("--jobs", arguments->jobs, "trainings at the same time; they share the cores (default: 1)");
  verb->add_option("-o,--output", arguments->directory, "where everything is kept (default: runs/<name>/compare)");
  verb->add_flag("--no-tuned", arguments->no_tuned, "leave out the tuned constant weights");
  verb->add_flag("--dry-run", arguments->dry_run, "print what would be trained, then stop");
  verb->callback([arguments] { run_compare(*arguments); });
}

}  // namespace polytask
