#include <polytask/allometry/csv_observations.h>
#include <polytask/allometry/dataset_observations.h>
#include <polytask/cli/allometry_rows.h>
#include <polytask/cli/verbs.h>
#include <polytask/config/experiment_options.h>
#include <polytask/core/error.h>
#include <polytask/core/threads.h>
#include <polytask/data/sources/support.h>
#include <polytask/training/allometry_data.h>
#include <polytask/training/provenance.h>
#include <polytask/version.h>

#include <CLI/CLI.hpp>

#include <filesystem>
#include <utility>

namespace polytask {
namespace {

constexpr double kBreastHeight = 1.3;

Node text(const std::string& value) { return Node::scalar_of(value, true); }

Node provenance_of(const std::string& key, Node what) {
  Node node = Node::map_of(), words = Node::sequence_of({});
  for (const auto& word : command_line()) words.append(text(word));
  node.set("polytask", text(POLYTASK_VERSION));
  node.set("created", text(utc_time()));
  node.set("command_line", std::move(words));
  node.set(key, std::move(what));
  return node;
}

void refuse(const CLI::App& verb, const std::vector<std::string>& options, const std::string& why) {
  for (const auto& option : options)
    if (verb.count(option) > 0) throw InputError("{}: {}", option, why);
}

void need(const CLI::App& verb, const std::string& what) {
  for (const char* option : {"--genus", "--height", "--biomass"})
    if (verb.count(option) == 0) throw InputError("{} is missing: {}", option, what);
}

const std::vector<std::string> kOfTables = {"--delimiter", "--decimal-comma"};
const std::vector<std::string> kOfRasters = {"--classes", "--ignore", "--genus-band", "--height-band",
                                             "--biomass-band"};

OpenedRows open_table(const CLI::App& verb, const RowArguments& arguments) {
  refuse(verb, kOfRasters, "goes with --rasters");
  refuse(verb, {"--coupling"}, "goes with --training");
  if (arguments.inputs.empty())
    throw InputError("no table is given: name a CSV file, or fit with --rasters or --training");
  if (arguments.inputs.size() > 1)
    throw InputError("\"{}\": one table is fitted at a time; values that replace an experiment's go with --training",
                     arguments.inputs[1]);
  need(verb, "name the columns of genera, heights and biomass");
  const auto& layers = arguments.layers;
  const std::string& file = arguments.inputs[0];
  CsvObservations table(file, {layers.genus.file, layers.height.file, layers.biomass.file, arguments.group},
                        arguments.csv);
  Node provenance = provenance_of("table", text(file));
  provenance.set("digest", text(file_digest(file)));
  return {KeptRows(table, arguments.min_height_m.value_or(kBreastHeight)),
          arguments.biomass_unit.empty() ? "kg" : arguments.biomass_unit,
          std::move(provenance),
          {}};
}

void check_raster_unit(const std::string& unit, bool needed) {
  if (unit.empty() && needed)
    throw InputError("--biomass-unit is missing: say what the biomass raster holds; only Mg/ha can be fitted");
  if (!unit.empty() && canonical_unit(unit) != "Mg/ha")
    throw InputError(
        "--biomass-unit {}: is the biomass of a tree, but a raster's cell holds that of an area, Mg/ha: heights and "
        "biomass of cells follow another line than those of trees; convert the raster, or fit the table of trees",
        unit);
}

OpenedRows open_rasters(const CLI::App& verb, const RowArguments& arguments, bool needs_unit) {
  refuse(verb, kOfTables, "goes with a table, not with --rasters");
  refuse(verb, {"--coupling"}, "goes with --training");
  if (arguments.training) throw InputError("--rasters and --training: choose one of them");
  if (!arguments.inputs.empty())
    throw InputError("\"{}\": with --rasters, the files are given by --genus, --height and --biomass",
                     arguments.inputs[0]);
  if (!arguments.group.empty() && arguments.group != "scene")
    throw InputError("--group {}: rasters can be grouped by scene alone", arguments.group);
  need(verb, "name the rasters of genera, heights and biomass");
  check_raster_unit(arguments.biomass_unit, needs_unit);
  RasterLayers layers = arguments.layers;
  layers.biomass_unit = arguments.biomass_unit;
  RasterObservations rasters(layers);
  Node files = Node::sequence_of({});
  for (const auto& file : rasters.files())
    files.append(Node::map_of({{"file", text(file)}, {"digest", text(file_digest(file))}}));
  return {KeptRows(rasters, arguments.min_height_m.value_or(kBreastHeight)),
          canonical_unit(arguments.biomass_unit),
          provenance_of("rasters", std::move(files)),
          {}};
}

std::string unit_of(const TaskType& biomass, const std::string& said, bool needed) {
  const std::string unit = canonical_unit(biomass.unit());
  if (unit.empty() && said.empty() && needed)
    throw InputError("--biomass-unit is missing: task \"{}\" does not say what its biomass is in", biomass.name());
  if (!unit.empty() && !said.empty() && unit != canonical_unit(said))
    throw InputError("--biomass-unit {}: task \"{}\" is in {}", said, biomass.name(), unit);
  return unit.empty() ? canonical_unit(said) : unit;
}

OpenedRows open_training(const CLI::App& verb, const RowArguments& arguments, bool needs_unit) {
  refuse(verb, kOfTables, "goes with a table, not with --training");
  refuse(verb, kOfRasters, "goes with --rasters; an experiment says itself how its data are read");
  refuse(verb, {"--genus", "--height", "--biomass"}, "the experiment's coupling names the three tasks");
  if (arguments.inputs.empty()) throw InputError("no experiment is given: name a YAML file, or a run's config.yaml");
  const std::string& file = arguments.inputs[0];
  const Experiment experiment =
      resolve_experiment(load_configuration(file, {arguments.inputs.begin() + 1, arguments.inputs.end()}));
  set_threads(experiment.threads);
  AllometryData opened = open_allometry_data(experiment, arguments.coupling, file);
  const std::string unit = unit_of(*opened.biomass, arguments.biomass_unit, needs_unit);
  DatasetObservations observations(*opened.data.dataset, opened.data.split.train,
                                   {opened.genus->name(), opened.height->name(), opened.biomass->name()},
                                   opened.genus->class_names(), arguments.group);
  Node provenance = provenance_of("experiment", text(file)), data = Node::map_of();
  for (const auto& [name, digest] : opened.data.dataset->source().fingerprints()) data.set(name, text(digest));
  provenance.set("coupling", text(opened.coupling));
  provenance.set("data", std::move(data));
  const double min_height_m = arguments.min_height_m.value_or(opened.options.min_height_m.value_or(kBreastHeight));
  return {KeptRows(observations, min_height_m), unit, std::move(provenance), opened.options};
}

}  // namespace

void add_row_options(CLI::App& verb, RowArguments& arguments) {
  verb.add_option("input", arguments.inputs,
                  "CSV file of trees, or of cells; with --training an experiment (YAML) and values that replace the "
                  "file's: a.b=value …");
  verb.add_flag("--rasters", arguments.rasters, "fit the cells of co-registered rasters");
  verb.add_flag("--training", arguments.training,
                "fit the training rows of an experiment: what its allometric coupling finds with parameters: training");
  auto& layers = arguments.layers;
  verb.add_option("--genus", layers.genus.file, "column of genera; a raster, or with <scene> one for each scene");
  verb.add_option("--height", layers.height.file, "column, or raster, of heights in m");
  verb.add_option("--biomass", layers.biomass.file, "column, or raster, of above-ground biomass");
  verb.add_option("--group", arguments.group,
                  "column of studies or sites (rasters: scene): held-out errors leave one group out at a time");
  verb.add_option("--min-height", arguments.min_height_m, "m; rows with H at or above it are fitted (default: 1.3)")
      ->check(CLI::NonNegativeNumber);
  verb.add_option("--delimiter", arguments.csv.delimiter, "auto, tab, space or one character (default: auto)");
  verb.add_flag("--decimal-comma", arguments.csv.decimal_comma, "numbers are written 3,14");
  verb.add_option("--classes", layers.classes,
                  "rasters: JSON file of codes and names of genera, as data.layers has it; none: codes are the names");
  verb.add_option("--ignore", layers.ignore, "rasters: codes that are no genus, 0,255")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb.add_option("--genus-band", layers.genus.band, "rasters: band by number, from 1, or by name (default: 1)");
  verb.add_option("--height-band", layers.height.band, "likewise");
  verb.add_option("--biomass-band", layers.biomass.band, "likewise");
  verb.add_option("--coupling", arguments.coupling, "training rows: which coupling, where several are allometric");
  verb.add_option("--seed", arguments.seed, "what folds and the points of the figure are drawn from (default: 1)");
}

OpenedRows open_rows(const CLI::App& verb, const RowArguments& arguments, bool needs_unit) {
  if (arguments.rasters) return open_rasters(verb, arguments, needs_unit);
  if (arguments.training) return open_training(verb, arguments, needs_unit);
  return open_table(verb, arguments);
}

}  // namespace polytask
