#include <polytask/core/error.h>
#include <polytask/core/suggest.h>
#include <polytask/nn/head.h>
#include <polytask/nn/level_text.h>

namespace polytask {

size_t find_level(const HeadContext& context, const std::string& name) {
  if (context.levels.empty())
    throw InputError("{}: the head of task \"{}\" has nothing to read: the backbone offers no level", context.where,
                     context.task);
  if (name.empty()) return context.levels.size() - 1;
  std::vector<std::string> names;
  for (size_t i = 0; i < context.levels.size(); ++i) {
    if (context.levels[i].name == name) return i;
    names.push_back(context.levels[i].name);
  }
  const std::string near = nearest(name, names);
  throw InputError("{}: the head of task \"{}\" asks for level \"{}\", but the backbone offers {}{}", context.where,
                   context.task, name, levels_text(context.levels),
                   near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near));
}

}  // namespace polytask
