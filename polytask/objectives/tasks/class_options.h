#pragma once
#include <polytask/core/node.h>

#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

/// What the section of a task says of its classes: `classes`, how many there are (0: nothing), and `class_names`
/// (empty: nothing). Throws InputError, naming the task, where these are fewer than two, contradict each other, or name
/// a class twice.
void check_class_options(const std::string& task, int64_t classes, const std::vector<std::string>& class_names);

/// Throws InputError, naming the task, where the section says something else than `names`, the classes in its `state`.
void check_classes_of_state(const std::string& task, int64_t classes, const std::vector<std::string>& class_names,
                            const Node& state, const std::vector<std::string>& names);

}  // namespace polytask
