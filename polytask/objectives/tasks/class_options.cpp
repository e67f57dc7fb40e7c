#include <polytask/core/error.h>
#include <polytask/objectives/tasks/class_options.h>

#include <fmt/ranges.h>

#include <set>

namespace polytask {

void check_class_options(const std::string& task, int64_t classes, const std::vector<std::string>& class_names) {
  if (classes == 1)
    throw InputError("task \"{}\": classes is 1; at least 2 are needed (0: as found in the data)", task);
  if (class_names.size() == 1) throw InputError("task \"{}\": only one class is named; at least 2 are needed", task);
  if (!class_names.empty() && classes != 0 && classes != static_cast<int64_t>(class_names.size()))
    throw InputError("task \"{}\": classes is {}, but {} class_names are given", task, classes, class_names.size());
  std::set<std::string> seen;
  for (const auto& name : class_names)
    if (!seen.insert(name).second) throw InputError("task \"{}\": the class \"{}\" is named twice", task, name);
}

void check_classes_of_state(const std::string& task, int64_t classes, const std::vector<std::string>& class_names,
                            const Node& state, const std::vector<std::string>& names) {
  if (classes > 0 && classes != static_cast<int64_t>(names.size()))
    throw InputError("{}: the state of task \"{}\" has {} classes, its section {}", state.where(), task, names.size(),
                     classes);
  if (!class_names.empty() && class_names != names)
    throw InputError("{}: the state of task \"{}\" has the classes {}, its section {}; class_names must be the state's",
                     state.where(), task, fmt::join(names, ", "), fmt::join(class_names, ", "));
}

}  // namespace polytask
