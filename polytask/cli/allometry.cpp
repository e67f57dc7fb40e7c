#include <polytask/allometry/csv_observations.h>
#include <polytask/allometry/fit_rows.h>
#include <polytask/cli/verbs.h>
#include <polytask/core/error.h>
#include <polytask/data/sources/support.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/json.h>
#include <polytask/reporting/allometry_figure.h>
#include <polytask/reporting/allometry_report.h>
#include <polytask/training/provenance.h>
#include <polytask/version.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace polytask {
namespace {

// What fit and compare have in common.
struct TableArguments {
  std::string file;
  TableColumns columns;
  CsvOptions csv;
  double min_height_m = 1.3;
  uint64_t seed = 1;
  std::string output;
};

struct FitArguments : TableArguments {
  std::string biomass_unit = "kg", law = "power", pooling = "partial", criterion, centre = "mean", figure;
  std::optional<double> shape_m;
  int64_t figure_genera = 24;
};

struct CompareLawsArguments : TableArguments {
  int64_t folds = 10;
};

void add_table_options(CLI::App& verb, TableArguments& arguments) {
  verb.add_option("table", arguments.file, "CSV file of trees, or of cells")->required();
  verb.add_option("--genus", arguments.columns.genus, "column of genera")->required();
  verb.add_option("--height", arguments.columns.height, "column of heights in m")->required();
  verb.add_option("--biomass", arguments.columns.biomass, "column of above-ground biomass")->required();
  verb.add_option("--group", arguments.columns.group,
                  "column of studies or sites: held-out errors leave one group out at a time");
  verb.add_option("--min-height", arguments.min_height_m, "m; rows with H at or above it are fitted (default: 1.3)")
      ->check(CLI::NonNegativeNumber);
  verb.add_option("--delimiter", arguments.csv.delimiter, "auto, tab, space or one character (default: auto)");
  verb.add_flag("--decimal-comma", arguments.csv.decimal_comma, "numbers are written 3,14");
  verb.add_option("--seed", arguments.seed, "what folds and the points of the figure are drawn from (default: 1)");
}

KeptRows read_rows(const TableArguments& arguments) {
  CsvObservations table(arguments.file, arguments.columns, arguments.csv);
  return KeptRows(table, arguments.min_height_m);
}

Node text(const std::string& value) { return Node::scalar_of(value, true); }

Node provenance_of(const TableArguments& arguments) {
  Node node = Node::map_of(), words = Node::sequence_of({});
  for (const auto& word : command_line()) words.append(text(word));
  node.set("polytask", text(POLYTASK_VERSION));
  node.set("created", text(utc_time()));
  node.set("command_line", std::move(words));
  node.set("table", text(arguments.file));
  node.set("digest", text(file_digest(arguments.file)));
  return node;
}

FitOptions fit_options(const FitArguments& arguments) {
  FitOptions options;
  options.pooling = pooling_named(arguments.pooling, "--pooling");
  if (!arguments.criterion.empty() && options.pooling != Pooling::partial)
    throw InputError("--criterion {}: is of --pooling partial, not of --pooling {}", arguments.criterion,
                     arguments.pooling);
  options.reml = arguments.criterion != "ml";
  if (arguments.centre != "mean") {
    const auto centre = parse_csv_number(arguments.centre, false);
    if (!centre) throw InputError("--centre {}: expected mean or a number (log of a height in m)", arguments.centre);
    if (options.pooling != Pooling::partial)
      throw InputError("--centre: is of --pooling partial, not of --pooling {}", arguments.pooling);
    options.centre = *centre;
  }
  return options;
}

void check_fit_arguments(const FitArguments& arguments, const Law& law) {
  const std::vector<std::string> units = {"kg", "t", "Mg/ha"};
  if (std::find(units.begin(), units.end(), arguments.biomass_unit) == units.end())
    throw InputError("--biomass-unit {}: must be kg or t (a tree) or Mg/ha (a cell)", arguments.biomass_unit);
  if (arguments.shape_m && !law.has_shape())
    throw InputError("--shape: the {} law has no shape parameter; segmented (knot) and asymptotic (k) have one",
                     law.name());
  if (arguments.shape_m && *arguments.shape_m <= 0) throw InputError("--shape: must be above 0 m");
}

std::optional<Fit> other_pooling(const KeptRows& rows, const Fit& fit, Pooling pooling) {
  if (fit.options.pooling == pooling) return fit;
  try {
    FitOptions options = fit.options;
    options.pooling = pooling;
    options.centre.reset();
    return fit_rows(rows, *fit.law, options, fit.law->has_shape() ? std::optional<double>(fit.shape) : std::nullopt);
  } catch (const InputError&) {  // a line that cannot be had is left out of the figure
    return std::nullopt;
  }
}

void write_figure(const std::filesystem::path& path, const FitArguments& arguments, const KeptRows& rows,
                  const Fit& fit) {
  const auto none = other_pooling(rows, fit, Pooling::none), partial = other_pooling(rows, fit, Pooling::partial),
             complete = other_pooling(rows, fit, Pooling::complete);
  AllometryFigureOptions options;
  options.panels = arguments.figure_genera;
  options.seed = arguments.seed;
  options.biomass_unit = arguments.biomass_unit;
  write_file_atomically(
      path,
      allometry_figure(rows, {none ? &*none : nullptr, partial ? &*partial : nullptr, complete ? &*complete : nullptr},
                       options));
}

std::filesystem::path beside(const std::string& output, const char* extension) {
  return std::filesystem::path(output).replace_extension(extension);
}

void run_fit(const FitArguments& arguments) {
  const Law& law = law_named(arguments.law, "--law");
  check_fit_arguments(arguments, law);
  const FitOptions options = fit_options(arguments);
  if (std::filesystem::path(arguments.output).extension() != ".json")
    throw InputError("{}: the parameter file's name must end in .json", arguments.output);
  const KeptRows rows = read_rows(arguments);
  FitReport report;
  report.fit = fit_rows(rows, law, options, arguments.shape_m);
  report.genera = rows.genera();
  report.counts = rows.counts();
  report.min_height_m = arguments.min_height_m;
  report.biomass_unit = arguments.biomass_unit;
  report.factors = back_transforms(report.fit, rows);
  report.provenance = provenance_of(arguments);
  fmt::print("{}", fit_text(report));
  if (!arguments.columns.group.empty()) {
    const Folds folds{0, arguments.seed, true};
    fmt::print("\n{}", held_out_text(cross_validate(rows, law, options, report.fit.shape, folds), folds));
  }
  const auto csv = beside(arguments.output, ".csv"), figure = beside(arguments.output, ".svg");
  write_file_atomically(csv, parameter_csv(report));
  write_figure(figure, arguments, rows, report.fit);
  write_file_atomically(arguments.output, write_json(parameter_node(report), 2) + "\n");
  fmt::print("\nparameters: {}\ntable: {}\nfigure: {}\n", arguments.output, csv.string(), figure.string());
}

void run_compare_laws(const CompareLawsArguments& arguments) {
  const KeptRows rows = read_rows(arguments);
  const Folds folds{arguments.folds, arguments.seed, !arguments.columns.group.empty()};
  if (!folds.by_group && folds.count < 2) throw InputError("--folds {}: must be 2 or more", folds.count);
  const auto compared = compare_laws(rows, folds);
  fmt::print("{}", laws_text(compared, rows, folds));
  if (arguments.output.empty()) return;
  write_file_atomically(arguments.output, laws_csv(compared, rows));
  fmt::print("\ntable: {}\n", arguments.output);
}

void add_fit(CLI::App& allometry) {
  auto* verb = allometry.add_subcommand(
      "fit", "parameters of an allometric law for each genus, with a CSV and a figure beside the parameter file");
  auto arguments = std::make_shared<FitArguments>();
  add_table_options(*verb, *arguments);
  verb->add_option("--biomass-unit", arguments->biomass_unit, "kg or t (a tree), Mg/ha (a cell) (default: kg)");
  verb->add_option("--law", arguments->law, "power, quadratic, segmented or asymptotic (default: power)");
  verb->add_option("--pooling", arguments->pooling,
                   "partial: genera borrow strength from each other; none; complete (default: partial)");
  verb->add_option("--criterion", arguments->criterion, "reml or ml, of partial pooling (default: reml)")
      ->check(CLI::IsMember({"reml", "ml"}));
  verb->add_option("--centre", arguments->centre,
                   "log H about which random effects are reported: mean or a number (default: mean)");
  verb->add_option("--shape", arguments->shape_m, "m; fixes the knot or k instead of searching it");
  verb->add_option("--figure-genera", arguments->figure_genera,
                   "panels of the figure, the genera with the most rows; 0: all (default: 24)")
      ->check(CLI::NonNegativeNumber);
  verb->add_option("-o,--output", arguments->output, "the parameter file, NAME.json; also NAME.csv and NAME.svg")
      ->required();
  verb->callback([arguments] { run_fit(*arguments); });
}

void add_compare_laws(CLI::App& allometry) {
  auto* verb = allometry.add_subcommand(
      "compare", "every law under every pooling: likelihood, AIC, BIC and held-out errors, for all and for each genus");
  auto arguments = std::make_shared<CompareLawsArguments>();
  add_table_options(*verb, *arguments);
  verb->add_option("--folds", arguments->folds, "random folds, where there is no --group (default: 10)");
  verb->add_option("-o,--output", arguments->output, "also write every figure to this CSV file");
  verb->callback([arguments] { run_compare_laws(*arguments); });
}

}  // namespace

void add_allometry(CLI::App& program) {
  auto* verb = program.add_subcommand("allometry", "laws between the height and the biomass of trees");
  verb->require_subcommand(1);
  add_fit(*verb);
  add_compare_laws(*verb);
}

}  // namespace polytask
