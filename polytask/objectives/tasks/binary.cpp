#include <polytask/objectives/tasks/label_task.h>
#include <polytask/objectives/tasks/register.h>
#include <polytask/objectives/tasks/task_data.h>
#include <polytask/objectives/tasks/task_fields.h>

namespace polytask {
namespace {

struct BinaryOptions {
  std::vector<std::string> target;
  Node loss = Node::scalar_of("bce", true);
  Node metrics = texts_node({"accuracy", "f1", "auroc"});
  double loss_scale = 1;

  void fields(Fields& f) {
    target_field(f, target);
    loss_field(f, loss, binary_losses());
    metrics_field(f, metrics, binary_metrics());
    loss_scale_field(f, loss_scale);
  }
};

}  // namespace

void register_binary(TaskTypeRegistry& types) {
  types.add<BinaryOptions>("binary", "yes or no per sample", "",
                           [](const BinaryOptions& options, const std::string& name) {
                             const auto& label = only_target(name, options.target, "use type: multilabel");
                             return std::make_unique<LabelTask>(name, std::vector<std::string>{label}, options.loss,
                                                                options.metrics, options.loss_scale);
                           });
}

}  // namespace polytask
