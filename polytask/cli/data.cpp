#include <polytask/cli/verbs.h>
#include <polytask/data/make.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace polytask {
namespace {

struct MakeArguments {
  std::string name;
  MakeOptions options;
  std::string directory;
};

std::string makeable_text() {
  std::string text = "Data sets:\n";
  for (const auto& data : makeable_data())
    text += fmt::format("  {:10} {}\n{:13}{}\n", data.name, data.summary, "", data.files);
  return text;
}

void run_make(MakeArguments& arguments) {
  arguments.options.directory = arguments.directory;
  make_data(arguments.name, arguments.options);
  fmt::print("data: {}\n", arguments.directory);
}

}  // namespace

void add_data(CLI::App& program) {
  auto* verb = program.add_subcommand("data", "built-in synthetic data");
  verb->require_subcommand(1);
  auto* make = verb->add_subcommand("make", "writes a synthetic data set as files of a real format");
  auto arguments = std::make_shared<MakeArguments>();
  auto& options = arguments->options;
  make->add_option("name", arguments->name, "which data set")->required();
  make->add_option("-o,--output", arguments->directory, "directory to write to")->required();
  make->add_option("--count", options.count, "samples in all (default: the data set's)")->check(CLI::PositiveNumber);
  make->add_option("--seed", options.seed, "what the data is drawn from");
  make->add_option("--validation", options.validation,
                   "share of the samples in the validation file, in [0, 1) (default: 0.2)");
  make->add_option("--size", options.size, "height and width of pictures or scenes")->check(CLI::PositiveNumber);
  make->add_flag("--overwrite", options.overwrite, "write into a directory that holds other things too");
  make->footer([] { return makeable_text(); });
  make->callback([arguments] { run_make(*arguments); });
}

}  // namespace polytask
