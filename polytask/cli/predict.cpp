#include <polytask/cli/verbs.h>
#include <polytask/core/error.h>
#include <polytask/core/threads.h>
#include <polytask/training/predictor.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace polytask {
namespace {

struct PredictArguments {
  std::string run, output, checkpoint = "best", device;
  std::vector<std::string> inputs;
};

void run_predict(const PredictArguments& arguments) {
  if (const auto ending = std::filesystem::path(arguments.output).extension(); ending != ".csv" && ending != ".json")
    throw InputError("{}: predictions are written as .csv or .json", arguments.output);
  set_threads(0);
  Predictor predictor(arguments.run, arguments.checkpoint, arguments.device);
  const auto predictions = predictor.predict(arguments.inputs);
  write_predictions(arguments.output, predictions);
  fmt::print("{} samples, {} tasks: {}\n", predictions.rows.size(), predictions.tasks.size(), arguments.output);
}

}  // namespace

void add_predict(CLI::App& program) {
  auto* verb = program.add_subcommand("predict", "predictions of a run for images or tables, as CSV or JSON");
  auto arguments = std::make_shared<PredictArguments>();
  verb->add_option("run", arguments->run, "run directory")->required();
  verb->add_option("inputs", arguments->inputs,
                   "image files, folders, JSON lists, CSV files: what the run's source reads")
      ->required();
  verb->add_option("-o,--output", arguments->output, "file to write, .csv or .json")->required();
  verb->add_option("--checkpoint", arguments->checkpoint, "best or last")->check(CLI::IsMember({"best", "last"}));
  verb->add_option("--device", arguments->device, "auto, cpu, cuda, cuda:N (default: the run's)");
  verb->callback([arguments] { run_predict(*arguments); });
}

}  // namespace polytask
