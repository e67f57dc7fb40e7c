#include <polytask/allometry/compare_laws.h>
#include <polytask/cli/allometry.h>
#include <polytask/cli/allometry_rows.h>
#include <polytask/core/error.h>
#include <polytask/io/atomic_file.h>
#include <polytask/reporting/allometry_report.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>

namespace polytask {
namespace {

struct CompareLawsArguments : RowArguments {
  int64_t folds = 10;
  std::string output;
};

void run_compare_laws(const CLI::App& verb, const CompareLawsArguments& arguments) {
  const OpenedRows opened = open_rows(verb, arguments, false);
  const KeptRows& rows = opened.rows;
  const Folds folds{arguments.folds, arguments.seed, !arguments.group.empty()};
  if (!folds.by_group && folds.count < 2) throw InputError("--folds {}: must be 2 or more", folds.count);
  const auto compared = compare_laws(rows, folds);
  fmt::print("{}", laws_text(compared, rows, folds));
  if (arguments.output.empty()) return;
  write_file_atomically(arguments.output, laws_csv(compared, rows));
  fmt::print("\ntable: {}\n", arguments.output);
}

}  // namespace

void add_allometry_compare(CLI::App& allometry) {
  auto* verb = allometry.add_subcommand(
      "compare", "every law under every pooling: likelihood, AIC, BIC and held-out errors, for all and for each genus");
  auto arguments = std::make_shared<CompareLawsArguments>();
  add_row_options(*verb, *arguments);
  verb->add_option("--folds", arguments->folds, "random folds, where there is no --group (default: 10)");
  verb->add_option("-o,--output", arguments->output, "also write every figure to this CSV file");
  verb->callback([arguments, verb] { run_compare_laws(*verb, *arguments); });
}

}  // namespace polytask
