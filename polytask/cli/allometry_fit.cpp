#include <polytask/allometry/fit_report.h>
#include <polytask/allometry/fit_rows.h>
#include <polytask/cli/allometry.h>
#include <polytask/cli/allometry_rows.h>
#include <polytask/core/error.h>
#include <polytask/core/log.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/csv.h>
#include <polytask/io/json.h>
#include <polytask/reporting/allometry_figure.h>
#include <polytask/reporting/allometry_report.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <system_error>

namespace polytask {
namespace {

struct FitArguments : RowArguments {
  std::string law, pooling, criterion, centre = "mean", output;
  std::optional<double> shape_m;
  int64_t figure_genera = 24;
};

// What the command line leaves open is as an experiment's coupling says.
void take_from_coupling(FitArguments& arguments, const AllometryOptions& coupling) {
  if (arguments.law.empty()) arguments.law = coupling.law.value_or("");
  if (arguments.criterion.empty() && arguments.pooling.empty()) arguments.criterion = coupling.criterion.value_or("");
  if (arguments.pooling.empty()) arguments.pooling = coupling.pooling.value_or("");
}

FitOptions fit_options(const FitArguments& arguments) {
  FitOptions options;
  options.pooling = pooling_named(arguments.pooling.empty() ? "partial" : arguments.pooling, "--pooling");
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
  if (!arguments.biomass_unit.empty() && std::find(units.begin(), units.end(), arguments.biomass_unit) == units.end())
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
                  const std::string& biomass_unit, const Fit& fit) {
  const auto none = other_pooling(rows, fit, Pooling::none), partial = other_pooling(rows, fit, Pooling::partial),
             complete = other_pooling(rows, fit, Pooling::complete);
  AllometryFigureOptions options;
  options.panels = arguments.figure_genera;
  options.seed = arguments.seed;
  options.biomass_unit = biomass_unit;
  write_file_atomically(
      path,
      allometry_figure(rows, {none ? &*none : nullptr, partial ? &*partial : nullptr, complete ? &*complete : nullptr},
                       options));
}

std::filesystem::path beside(const std::string& output, const char* extension) {
  return std::filesystem::path(output).replace_extension(extension);
}

FitReport make_report(const FitArguments& arguments, const OpenedRows& opened, const Law& law,
                      const FitOptions& options) {
  FitReport report;
  report.fit = fit_rows(opened.rows, law, options, arguments.shape_m);
  report.genera = opened.rows.genera();
  report.counts = opened.rows.counts();
  report.min_height_m = opened.rows.min_height_m();
  report.biomass_unit = opened.biomass_unit;
  report.factors = back_transforms(report.fit, opened.rows);
  report.provenance = opened.provenance;
  return report;
}

const Law& law_of(const FitArguments& arguments) {
  return law_named(arguments.law.empty() ? "power" : arguments.law, "--law");
}

// The parameter file's name, and that nothing that is read would be lost.
void check_output(const FitArguments& arguments) {
  if (std::filesystem::path(arguments.output).extension() != ".json")
    throw InputError("{}: the parameter file's name must end in .json", arguments.output);
  const auto table = beside(arguments.output, ".csv");
  std::error_code missing;
  for (const auto& input : arguments.inputs)
    if (std::filesystem::equivalent(table, input, missing))
      throw InputError("{}: a table would be written to {}, which is what is fitted: choose another name",
                       arguments.output, table.string());
}

// After everything is written: a group without which there is no fit is no reason to lose the one of all rows.
void print_held_out(const KeptRows& rows, const Law& law, const FitOptions& options, double shape, uint64_t seed) {
  const Folds folds{0, seed, true};
  try {
    fmt::print("\n{}", held_out_text(cross_validate(rows, law, options, shape, folds), folds));
  } catch (const InputError& error) {
    log_warning("errors of groups held out could not be had: {}", error.what());
  }
}

void run_fit(const CLI::App& verb, FitArguments arguments) {
  check_output(arguments);
  if (!arguments.training) check_fit_arguments(arguments, law_of(arguments));  // before anything is read
  if (!arguments.training) fit_options(arguments);
  const OpenedRows opened = open_rows(verb, arguments, true);
  if (opened.coupling) take_from_coupling(arguments, *opened.coupling);
  const Law& law = law_of(arguments);
  check_fit_arguments(arguments, law);
  const FitOptions options = fit_options(arguments);
  const KeptRows& rows = opened.rows;
  const FitReport report = make_report(arguments, opened, law, options);
  fmt::print("{}", fit_text(report));
  const auto csv = beside(arguments.output, ".csv"), figure = beside(arguments.output, ".svg");
  write_file_atomically(csv, parameter_csv(report));
  write_figure(figure, arguments, rows, report.biomass_unit, report.fit);
  write_file_atomically(arguments.output, write_json(parameter_node(report), 2) + "\n");
  fmt::print("\nparameters: {}\ntable: {}\nfigure: {}\n", arguments.output, csv.string(), figure.string());
  if (!arguments.group.empty()) print_held_out(rows, law, options, report.fit.shape, arguments.seed);
}

}  // namespace

void add_allometry_fit(CLI::App& allometry) {
  auto* verb = allometry.add_subcommand(
      "fit", "parameters of an allometric law for each genus, with a CSV and a figure beside the parameter file");
  auto arguments = std::make_shared<FitArguments>();
  add_row_options(*verb, *arguments);
  verb->add_option("--biomass-unit", arguments->biomass_unit,
                   "kg or t (a tree), Mg/ha (a cell) (default: of a table kg, of an experiment its task's)");
  verb->add_option("--law", arguments->law,
                   "power, quadratic, segmented or asymptotic (default: an experiment's, else power)");
  verb->add_option(
      "--pooling", arguments->pooling,
      "partial: genera borrow strength from each other; none; complete (default: an experiment's, else partial)");
  verb->add_option("--criterion", arguments->criterion,
                   "reml or ml, of partial pooling (default: an experiment's, else reml)")
      ->check(CLI::IsMember({"reml", "ml"}));
  verb->add_option("--centre", arguments->centre,
                   "log H about which random effects are reported: mean or a number (default: mean)");
  verb->add_option("--shape", arguments->shape_m, "m; fixes the knot or k instead of searching it");
  verb->add_option("--figure-genera", arguments->figure_genera,
                   "panels of the figure, the genera with the most rows; 0: all (default: 24)")
      ->check(CLI::NonNegativeNumber);
  verb->add_option("-o,--output", arguments->output, "the parameter file, NAME.json; also NAME.csv and NAME.svg")
      ->required();
  verb->callback([arguments, verb] { run_fit(*verb, *arguments); });
}

}  // namespace polytask
