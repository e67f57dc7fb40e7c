#include <polytask/allometry/couplings.h>
#include <polytask/balancing/balancer.h>
#include <polytask/config/experiment_options.h>
#include <polytask/data/data_module.h>
#include <polytask/nn/model.h>
#include <polytask/nn/weights.h>
#include <polytask/objectives/dense_loss.h>
#include <polytask/objectives/loss.h>
#include <polytask/objectives/metric.h>
#include <polytask/objectives/task_type.h>
#include <polytask/reporting/reference.h>
#include <polytask/reporting/table.h>
#include <polytask/training/coupling_term.h>
#include <polytask/training/experiment.h>

#include <algorithm>

namespace polytask {
namespace {

template <class Options>
RegistryInfo section_info(const std::string& name, const std::string& summary) {
  return {name, summary, "", [] {
            Options options;
            return describe_fields([&](Fields& f) { options.fields(f); });
          }};
}

std::vector<RegistryInfo> training_sections() {
  return {section_info<ExperimentOptions>("(top level)", "an experiment"),
          section_info<OptimizerOptions>("optimizer", "the optimiser and its parameter groups"),
          section_info<ScheduleOptions>("schedule", "learning-rate schedule"),
          section_info<TrainOptions>("train", "the training loop"),
          section_info<TrackingOptions>("tracking", "what a run writes"),
          section_info<CompareOptions>("compare", "what `polytask compare` compares")};
}

std::string option_line(const FieldDescription& field) {
  std::string line = "      " + field.name + " (" + field.type;
  if (!field.allowed.empty()) line += ", " + field.allowed;
  line += ")";
  if (field.default_value == "required")
    line += ", required";
  else if (!field.default_value.empty())
    line += " = " + field.default_value;
  return line + ": " + field.doc + "\n";
}

std::string member_markdown(const RegistryInfo& member) {
  std::string text = "### `" + member.name + "`\n\n" + member.summary + ".";
  if (!member.source.empty()) text += " Source: " + member.source + ".";
  text += "\n\n";
  const auto fields = member.options();
  if (fields.empty()) return text + "No options.\n\n";
  TextTable table({"option", "type", "default", "allowed", "meaning"});
  for (const auto& field : fields)
    table.add({"`" + field.name + "`", field.type, field.default_value.empty() ? "" : "`" + field.default_value + "`",
               field.allowed, field.doc});
  return text + table.markdown() + "\n";
}

}  // namespace

std::vector<ReferenceSection> reference() {
  return {
      {"tasks", "Task types (`tasks.<name>.type`)", task_types().infos()},
      {"losses", "Losses of classification (`loss.type`)", classification_losses().infos()},
      {"losses", "Losses of binary and multilabel (`loss.type`)", binary_losses().infos()},
      {"losses", "Losses of regression (`loss.type`)", regression_losses().infos()},
      {"losses", "Losses of segmentation (`loss.type`)", segmentation_losses().infos()},
      {"losses", "Losses of dense regression (`loss.type`)", dense_regression_losses().infos()},
      {"metrics", "Metrics of classification", classification_metrics().infos()},
      {"metrics", "Metrics of binary and multilabel", binary_metrics().infos()},
      {"metrics", "Metrics of regression", regression_metrics().infos()},
      {"metrics", "Metrics of segmentation", segmentation_metrics().infos()},
      {"metrics", "Metrics of dense regression", dense_regression_metrics().infos()},
      {"backbones", "Backbones (`model.backbone.type`)", backbones().infos()},
      {"heads", "Heads (`tasks.<name>.head.type`)", heads().infos()},
      {"sharing", "Sharing architectures (`model.sharing`)", sharings().infos()},
      {"sharing",
       "Where a model starts and what it leaves alone",
       {section_info<StartOptions>("model", "options beside those of the sharing architecture"),
        section_info<WeightsOptions>("model.weights", "where initial weights come from")}},
      {"couplings", "Couplings (`couplings.<name>.type`)", couplings().infos()},
      {"couplings",
       "What every coupling has",
       {section_info<CouplingTermOptions>("couplings.<name>", "beside the options of its type")}},
      {"balancing", "Balancing methods (`balancing.method`)", balancers().infos()},
      {"data", "Sources (`data.source`)", sources().infos()},
      {"data",
       "The rest of the data section",
       {section_info<DataOptions>("data", "batches, splits, order, augmentation")}},
      {"data", "Samplers (`data.sampler.type`)", samplers().infos()},
      {"data", "Augmentation (`data.transforms[].type`)", transforms().infos()},
      {"training", "Training", training_sections()},
  };
}

std::vector<std::string> reference_topics() {
  std::vector<std::string> topics;
  for (const auto& section : reference())
    if (std::find(topics.begin(), topics.end(), section.topic) == topics.end()) topics.push_back(section.topic);
  return topics;
}

std::string reference_text(const std::vector<ReferenceSection>& sections, bool options) {
  std::string text;
  for (const auto& section : sections) {
    text += (text.empty() ? "" : "\n") + section.title + "\n";
    size_t width = 0;
    for (const auto& member : section.members) width = std::max(width, display_width(member.name));
    for (const auto& member : section.members) {
      text += "  " + member.name + std::string(width - display_width(member.name) + 2, ' ') + member.summary;
      if (!member.source.empty()) text += " [" + member.source + "]";
      text += "\n";
      if (!options) continue;
      for (const auto& field : member.options()) text += option_line(field);
    }
  }
  return text;
}

std::string reference_markdown(const std::vector<ReferenceSection>& sections) {
  std::string text =
      "# Reference\n\nEvery registered part and every configuration key, written by `polytask list --markdown` from "
      "the "
      "options themselves. `polytask train CONFIG --print-config` shows an experiment with all defaults written "
      "out.\n\n";
  for (const auto& section : sections) {
    text += "## " + section.title + "\n\n";
    for (const auto& member : section.members) text += member_markdown(member);
  }
  return text;
}

}  // namespace polytask
