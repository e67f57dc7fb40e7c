#include <polytask/training/compare/options.h>

namespace polytask {

void CompareOptions::fields(Fields& f) {
  f.field("methods", methods,
          "list of balancing methods: names, or maps {method: name, options}; none: the file's. equal is always among "
          "them");
  f.field("architectures", architectures,
          "list of sharing architectures: names, or maps {sharing: name, options}; none: the file's");
  f.field("settings", settings,
          "other settings to compare: a map from a name to a list of overrides, each tried with every method and "
          "architecture; the tuned weights are those of the first");
  f.field("seeds", seeds, "how many seeds, from the experiment's seed on", at_least(1));
  f.field("jobs", jobs, "trainings at the same time; they share the cores", at_least(1));
  f.field("tuned", tuned, "also train constant weights, of which validation rows choose one");
  f.field(
      "grid", grid,
      "the weights to try: a list of maps {task: number} or of lists in the order of the tasks; none: equal ones, and "
      "each task in turn at 2 and 4 times the others' weight (more than four tasks: 4 times)");
  f.field("metrics", metrics,
          "the metric of a task that counts in delta m; default: accuracy of classes, auroc of yes/no labels, rmse of "
          "numbers, else the task's first metric");
}

}  // namespace polytask
