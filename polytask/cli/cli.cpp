#include <polytask/cli/cli.h>
#include <polytask/cli/verbs.h>
#include <polytask/core/error.h>
#include <polytask/core/interrupt.h>
#include <polytask/core/log.h>
#include <polytask/core/memory.h>
#include <polytask/core/progress.h>
#include <polytask/core/suggest.h>
#include <polytask/version.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <c10/util/Exception.h>

#include <algorithm>

namespace polytask {
namespace {

std::vector<std::string>& words() {
  static std::vector<std::string> instance;
  return instance;
}

int say(int status, const std::string& message) {
  clear_progress_line();
  fmt::print(stderr, "polytask: {}\n", message);
  return status;
}

std::vector<std::string> verb_names(const CLI::App& program) {
  std::vector<std::string> names;
  for (const auto* verb : program.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(verb->get_name());
  return names;
}

bool has_verb(const CLI::App& program, const std::string& name) {
  const auto names = verb_names(program);
  return std::find(names.begin(), names.end(), name) != names.end();
}

void add_general_options(CLI::App& program) {
  program.set_version_flag("--version", "polytask " POLYTASK_VERSION);
  program.add_flag_callback(
      "--quiet,-q",
      [] {
        set_progress_enabled(false);
        set_log_level(LogLevel::warning);
      },
      "no progress, no notes; warnings and results only");
}

// Throws InputError for the first word that should name a verb, or a verb below one, and names none.
void check_verbs(const CLI::App& program, const std::vector<std::string>& given) {
  const CLI::App* app = &program;
  auto word = given.begin() + 1;
  while (word != given.end() && (*word == "-q" || *word == "--quiet")) ++word;
  for (; word != given.end() && !verb_names(*app).empty() && (*word)[0] != '-'; ++word) {
    if (!has_verb(*app, *word)) throw InputError("unknown verb \"{}\"{}", *word, did_you_mean(*word, verb_names(*app)));
    app = app->get_subcommand(*word);
  }
}

int parse_and_run(CLI::App& program, int argc, char** argv) {
  try {
    program.parse(argc, argv);
    return 0;
  } catch (const CLI::Success& e) {
    return program.exit(e);
  } catch (const CLI::ParseError& e) {
    return say(2, fmt::format("{}\nSee `polytask {}--help`.", e.what(),
                              argc > 1 && has_verb(program, argv[1]) ? argv[1] + std::string(" ") : ""));
  }
}

}  // namespace

const std::vector<std::string>& command_line() { return words(); }

int run_program(int argc, char** argv) {
  configure_allocator();
  catch_interrupts();
  words().assign(argv, argv + argc);

  CLI::App program("polytask: train, diagnose and deploy multi-task models", "polytask");
  add_general_options(program);
  program.require_subcommand(1);
  program.fallthrough();
  add_train(program);
  add_evaluate(program);
  add_compare(program);
  add_predict(program);
  add_export(program);
  add_data(program);
  add_allometry(program);
  add_list(program);
  add_info(program);
  try {
    check_verbs(program, words());
    return parse_and_run(program, argc, argv);
  } catch (const Error& e) {
    return say(e.exit_status(), e.what());
  } catch (const c10::Error& e) {
    return say(1, fmt::format("libtorch: {}", e.what_without_backtrace()));
  } catch (const std::bad_alloc&) {
    return say(1, "out of memory");
  } catch (const std::exception& e) {
    return say(1, e.what());
  }
}

}  // namespace polytask
