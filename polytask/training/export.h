#pragma once
#include <polytask/training/session.h>

#include <filesystem>
#include <string>
#include <vector>

namespace polytask {

/// What an exported file was checked with.
struct ExportReport {
  std::vector<std::string> inputs;   ///< "image: [N, 1, 28, 28], values 0…255", in the order of forward's arguments
  std::vector<std::string> outputs;  ///< in the order of the returned tuple
  double largest_difference = 0;     ///< between the reloaded module and the model, over all outputs
};

/// Writes TorchScript by tracing: raw samples in (see InputSpec), one tensor per input of the run's data in their
/// order; a tuple out, one tensor per task: class probabilities [N, C] or values in real units [N, K]. Preprocessing
/// and de-standardisation are inside; attributes `tasks` (List[str]), `outputs` (Dict[str, List[str]]: class or target
/// names), `inputs` (List[str]: the names of forward's arguments) and `input` (str, what each of them holds, a line
/// each) describe it. The file is reloaded and compared with the model on another batch size; WorkError where they
/// differ.
ExportReport export_torchscript(Session& session, const std::filesystem::path& path);

/// Writes the model's weights alone, with task and class names in the metadata.
void export_safetensors(const Session& session, const std::filesystem::path& path);

}  // namespace polytask
