#include <polytask/core/error.h>
#include <polytask/objectives/tasks/class_counts.h>
#include <polytask/objectives/tasks/task_data.h>

namespace polytask {

Node ClassCounts::to_node() const {
  Node list = Node::sequence_of({});
  for (const int64_t count : counts) list.append(Node::scalar_of(std::to_string(count)));
  return Node::map_of({{"class_names", texts_node(names)}, {"train_counts", list}});
}

ClassCounts ClassCounts::from_node(const std::string& task, const Node& state) {
  ClassCounts classes;
  classes.names = texts_of(task, state, "class_names");
  for (const double count : numbers_of(task, state, "train_counts"))
    classes.counts.push_back(static_cast<int64_t>(count));
  if (classes.names.size() < 2 || classes.names.size() != classes.counts.size())
    throw InputError("{}: the state of task \"{}\" has {} class names and {} counts", state.where(), task,
                     classes.names.size(), classes.counts.size());
  return classes;
}

}  // namespace polytask
