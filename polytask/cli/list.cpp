#include <polytask/cli/verbs.h>
#include <polytask/core/error.h>
#include <polytask/core/suggest.h>
#include <polytask/reporting/reference.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace polytask {
namespace {

struct ListArguments {
  std::string topic;
  bool markdown = false, names = false;
};

void run_list(const ListArguments& arguments) {
  auto sections = reference();
  if (!arguments.topic.empty()) {
    const auto other = [&](const ReferenceSection& section) { return section.topic != arguments.topic; };
    sections.erase(std::remove_if(sections.begin(), sections.end(), other), sections.end());
    if (sections.empty())
      throw InputError("there is no topic \"{}\"{}", arguments.topic,
                       did_you_mean(arguments.topic, reference_topics()));
  }
  const bool options = !arguments.names && !arguments.topic.empty();
  fmt::print("{}", arguments.markdown ? reference_markdown(sections) : reference_text(sections, options));
}

}  // namespace

void add_list(CLI::App& program) {
  auto* verb = program.add_subcommand("list", "what is registered; with a topic, every option, default and source");
  auto arguments = std::make_shared<ListArguments>();
  verb->add_option("topic", arguments->topic,
                   "tasks, losses, metrics, backbones, heads, sharing, couplings, balancing, data or training");
  verb->add_flag("--names", arguments->names, "names and summaries only");
  verb->add_flag("--markdown", arguments->markdown, "as reference documentation");
  verb->callback([arguments] { run_list(*arguments); });
}

}  // namespace polytask
