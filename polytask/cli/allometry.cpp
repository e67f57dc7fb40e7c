#include <polytask/cli/allometry.h>
#include <polytask/cli/verbs.h>

#include <CLI/CLI.hpp>

namespace polytask {

void add_allometry(CLI::App& program) {
  auto* verb = program.add_subcommand("allometry", "laws between the height and the biomass of trees");
  verb->require_subcommand(1);
  add_allometry_fit(*verb);
  add_allometry_compare(*verb);
  add_allometry_sensitivity(*verb);
}

}  // namespace polytask
