#include <polytask/analysis/allometry_sensitivity.h>
#include <polytask/cli/allometry.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/json.h>
#include <polytask/reporting/sensitivity_report.h>
#include <polytask/reporting/tornado_figure.h>
#include <polytask/training/open_run.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <system_error>

namespace polytask {
namespace {

struct SensitivityArguments {
  std::string run, checkpoint = "best", split = "test", correction, output;
  std::vector<std::string> overrides;
  SensitivityOptions options;
};

void write_results(const std::filesystem::path& folder, const AllometrySensitivity& result) {
  std::error_code ignored;  // writing says what is wrong
  std::filesystem::create_directories(folder, ignored);
  write_file_atomically(folder / "sensitivity.csv", sensitivity_csv(result));
  write_file_atomically(folder / "draws.csv", sensitivity_draws_csv(result));
  write_file_atomically(folder / "sensitivity.svg", tornado_figure(result));
  write_file_atomically(folder / "sensitivity.json", write_json(sensitivity_node(result), 2) + "\n");
  fmt::print("\ntable: {}\ndraws: {}\nfigure: {}\nfigures as JSON: {}\n", (folder / "sensitivity.csv").string(),
             (folder / "draws.csv").string(), (folder / "sensitivity.svg").string(),
             (folder / "sensitivity.json").string());
}

void run_sensitivity(const SensitivityArguments& arguments) {
  SensitivityOptions options = arguments.options;
  if (!arguments.correction.empty()) options.correction = correction_named(arguments.correction, "--correction");
  OpenedRun opened = open_run(arguments.run, arguments.checkpoint, arguments.overrides);
  const auto rows = rows_of_split(opened, arguments.split, arguments.run);
  const auto result = allometry_sensitivity(opened.session, rows, options);
  fmt::print("{}", sensitivity_text(result, arguments.split));
  if (!arguments.output.empty()) write_results(arguments.output, result);
}

}  // namespace

void add_allometry_sensitivity(CLI::App& allometry) {
  auto* verb = allometry.add_subcommand("sensitivity",
                                        "how far a run's allometric residual and biomass depend on which parameters: "
                                        "drawn from their fitted uncertainty, "
                                        "and one at a time");
  auto arguments = std::make_shared<SensitivityArguments>();
  verb->add_option("run", arguments->run, "run directory")->required();
  verb->add_option("overrides", arguments->overrides, "values that replace the run's: data.path=other.csv …");
  verb->add_option("--checkpoint", arguments->checkpoint, "best or last")->check(CLI::IsMember({"best", "last"}));
  verb->add_option("--split", arguments->split, "which rows (default: test)")
      ->check(CLI::IsMember({"train", "validation", "test", "all"}));
  verb->add_option("--draws", arguments->options.draws, "sets of parameters drawn (default: 200)")
      ->check(CLI::Range(2, 100000));
  verb->add_option(
          "--correction", arguments->correction,
          "factor by which the biomass that the law gives is converted from median to mean: none, baskerville, "
          "duan or snowdon (default: the coupling's)")
      ->check(CLI::IsMember(correction_names()));
  verb->add_option("--seed", arguments->options.seed, "what they are drawn from (default: 1)");
  verb->add_option("--coupling", arguments->options.coupling, "which, where several are allometric");
  verb->add_option("-o,--output", arguments->output,
                   "folder for sensitivity.csv, draws.csv, sensitivity.json and sensitivity.svg");
  verb->callback([arguments] { run_sensitivity(*arguments); });
}

}  // namespace polytask
