#pragma once
#include <CLI/App.hpp>

#include <string>
#include <vector>

namespace polytask {

// Each adds its verb, with options and callback, to the program. One file a verb: parse, call the library, print.
void add_train(CLI::App& program);
void add_evaluate(CLI::App& program);
void add_compare(CLI::App& program);
void add_predict(CLI::App& program);
void add_data(CLI::App& program);
void add_allometry(CLI::App& program);
void add_export(CLI::App& program);
void add_list(CLI::App& program);
void add_info(CLI::App& program);

/// The words the program was called with.
const std::vector<std::string>& command_line();

}  // namespace polytask
