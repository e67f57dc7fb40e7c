#include <polytask/cli/verbs.h>
#include <polytask/core/error.h>
#include <polytask/core/threads.h>
#include <polytask/training/maps/map_run.h>
#include <polytask/training/predictor.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace polytask {
namespace {

struct PredictArguments {
  std::string run, output, checkpoint = "best", device;
  std::vector<std::string> inputs;
  int64_t threads = 0;
  MapOptions maps;
};

bool is_table(const std::string& output) {
  const auto ending = std::filesystem::path(output).extension();
  return ending == ".csv" || ending == ".json";
}

void write_scene(const PredictArguments& arguments) {
  if (is_table(arguments.output))
    throw InputError("{}: of a scene, maps are written: give the name of a folder", arguments.output);
  const auto files = map_scene(
      {arguments.run, arguments.checkpoint, arguments.device, arguments.inputs, arguments.output, arguments.maps});
  for (const auto& file : files) fmt::print("{}\n", file.string());
}

void refuse_map_options(const CLI::App& verb, const std::string& run) {
  for (const char* option : {"--tile", "--batch", "--partial-input"})
    if (verb.count(option) > 0)
      throw InputError("{}: {} is about maps of rasters, and this run reads none (its source is not raster or forest)",
                       run, option);
}

void write_table(const PredictArguments& arguments) {
  Predictor predictor(arguments.run, arguments.checkpoint, arguments.device);
  require_table(predictor.session());
  if (!is_table(arguments.output)) throw InputError("{}: predictions are written as .csv or .json", arguments.output);
  const auto predictions = predictor.predict(arguments.inputs);
  write_predictions(arguments.output, predictions);
  fmt::print("{} samples, {} tasks: {}\n", predictions.rows.size(), predictions.tasks.size(), arguments.output);
}

}  // namespace

void add_predict(CLI::App& program) {
  auto* verb = program.add_subcommand("predict", "predictions of a run: tables for images and tables, maps for scenes");
  auto arguments = std::make_shared<PredictArguments>();
  verb->add_option("run", arguments->run, "run directory")->required();
  verb->add_option(
          "inputs", arguments->inputs,
          "image files, folders, JSON lists, CSV files: what the run's source reads; rasters: one scene, as one "
          "file with all bands or the files of the run's data.inputs in their order; files to be averaged all together "
          "or, where there are more inputs, as 'NAME_*.tif' in quotes")
      ->required();
  verb->add_option("-o,--output", arguments->output, "file to write, .csv or .json; rasters: folder of the GeoTIFFs")
      ->required();
  verb->add_option("--checkpoint", arguments->checkpoint, "best or last")->check(CLI::IsMember({"best", "last"}));
  verb->add_option("--device", arguments->device, "auto, cpu, cuda, cuda:N (default: the run's)");
  verb->add_option("--threads", arguments->threads, "cores to use (default: 0, all)")->check(CLI::NonNegativeNumber);
  verb->add_option("--tile", arguments->maps.tile,
                   "rasters: pixels of a side that are mapped at a time (default 512); larger: faster, more memory")
      ->check(CLI::Range(16, 8192));
  verb->add_option("--batch", arguments->maps.batch, "rasters: tiles that go through the model together (default 1)")
      ->check(CLI::Range(1, 1024));
  verb->add_flag("--partial-input", arguments->maps.partial_input,
                 "rasters: also map pixels that have data in some of the bands only");
  verb->callback([arguments, verb] {
    set_threads(arguments->threads);
    if (reads_rasters(arguments->run)) return write_scene(*arguments);
    refuse_map_options(*verb, arguments->run);
    write_table(*arguments);
  });
}

}  // namespace polytask
