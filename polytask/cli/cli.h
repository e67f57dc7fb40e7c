#pragma once

namespace polytask {

/// The program: parses the verb, runs it, turns errors into messages and exit statuses (see docs/reference.md).
int run_program(int argc, char** argv);

}  // namespace polytask
