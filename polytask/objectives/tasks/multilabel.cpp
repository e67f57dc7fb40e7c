#include <polytask/objectives/tasks/label_task.h>
#include <polytask/objectives/tasks/register.h>
#include <polytask/objectives/tasks/task_data.h>
#include <polytask/objectives/tasks/task_fields.h>

namespace polytask {
namespace {

struct MultilabelOptions {
  std::vector<std::string> targets;
  Node loss = Node::scalar_of("bce", true);
  Node metrics = texts_node({"accuracy", "f1", "auroc"});
  double loss_scale = 1;

  void fields(Fields& f) {
    one_or_many_field(f, "target", "targets", targets,
                      "the labels' columns, or columns with one operation (age >= 40)");
    loss_field(f, loss, binary_losses());
    metrics_field(f, metrics, binary_metrics());
    loss_scale_field(f, loss_scale);
  }
};

}  // namespace

void register_multilabel(TaskTypeRegistry& types) {
  types.add<MultilabelOptions>("multilabel", "several independent yes/no labels per sample", "",
                               [](const MultilabelOptions& options, const std::string& name) {
                                 return std::make_unique<LabelTask>(name, checked_targets(name, options.targets),
                                                                    options.loss, options.metrics, options.loss_scale);
                               });
}

}  // namespace polytask
