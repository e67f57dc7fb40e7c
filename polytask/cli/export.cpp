#include <polytask/cli/verbs.h>
#include <polytask/core/error.h>
#include <polytask/training/export.h>
#include <polytask/training/run_directory.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace polytask {
namespace {

struct ExportArguments {
  std::string run, output, checkpoint = "best", device = "cpu";
};

void run_export(const ExportArguments& arguments) {
  const std::filesystem::path output = arguments.output;
  if (output.extension() != ".pt" && output.extension() != ".safetensors")
    throw InputError("{}: exports are written as .pt (TorchScript) or .safetensors (weights)", arguments.output);
  auto experiment = read_run_configuration(arguments.run);
  experiment.device = arguments.device;
  Session session =
      open_model(std::move(experiment), load_checkpoint(find_checkpoint(arguments.run, arguments.checkpoint)));
  if (output.extension() == ".safetensors") {
    export_safetensors(session, output);
    fmt::print("weights: {}\n", arguments.output);
    return;
  }
  const auto report = export_torchscript(session, output);
  for (const auto& line : report.inputs) fmt::print("input   {}\n", line);
  for (const auto& line : report.outputs) fmt::print("output  {}\n", line);
  fmt::print("reloaded and compared: largest difference {:.3g}\nTorchScript: {}\n", report.largest_difference,
             arguments.output);
}

}  // namespace

void add_export(CLI::App& program) {
  auto* verb =
      program.add_subcommand("export", "a run as TorchScript (preprocessing and units inside) or as safetensors");
  auto arguments = std::make_shared<ExportArguments>();
  verb->add_option("run", arguments->run, "run directory")->required();
  verb->add_option("-o,--output", arguments->output, "file to write: .pt or .safetensors")->required();
  verb->add_option("--checkpoint", arguments->checkpoint, "best or last")->check(CLI::IsMember({"best", "last"}));
  verb->add_option("--device", arguments->device, "the device the TorchScript is made for");
  verb->callback([arguments] { run_export(*arguments); });
}

}  // namespace polytask
