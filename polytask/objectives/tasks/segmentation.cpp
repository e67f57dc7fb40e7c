#include <polytask/core/log.h>
#include <polytask/data/dense_labels.h>
#include <polytask/objectives/dense_loss.h>
#include <polytask/objectives/losses/class_weights.h>
#include <polytask/objectives/losses/mean_loss.h>
#include <polytask/objectives/metrics/predicted_classes.h>
#include <polytask/objectives/tasks/class_counts.h>
#include <polytask/objectives/tasks/class_options.h>
#include <polytask/objectives/tasks/dense_data.h>
#include <polytask/objectives/tasks/register.h>
#include <polytask/objectives/tasks/segmentation_metrics.h>
#include <polytask/objectives/tasks/task_data.h>
#include <polytask/objectives/tasks/task_fields.h>

#include <ATen/ops/bincount.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

namespace polytask {
namespace {

struct SegmentationOptions {
  std::string target;
  int64_t classes = 0;
  std::vector<std::string> class_names;
  Node loss = Node::scalar_of("cross_entropy", true);
  Node metrics = texts_node({"miou", "pixel_accuracy"});
  bool class_iou = true;
  double loss_scale = 1;

  void fields(Fields& f) {
    layer_field(f, target);
    f.field("classes", classes, "number of classes where the layer holds numbers 0 … classes − 1; 0: as the layer says",
            at_least(0));
    f.field("class_names", class_names,
            "the classes in order, those of the layer that are missing here being no label; none: the layer's");
    loss_field(f, loss, segmentation_losses());
    metrics_field(f, metrics, segmentation_metrics());
    f.field("class_iou", class_iou, "report the intersection over union of each class too");
    loss_scale_field(f, loss_scale);
  }
};

class Segmentation : public TaskType {
 public:
  Segmentation(const SegmentationOptions& options, const std::string& name) : TaskType(name), options_(options) {
    check_class_options(name, options.classes, options.class_names);
  }

  TargetRequest target_request() const override {
    TargetRequest request{name(), TargetKind::classes, {options_.target}, options_.class_names, options_.classes};
    request.dense = true;
    return request;
  }
  void fit(const Targets& targets, const std::vector<int64_t>& train_rows) override;
  int64_t outputs() const override { return classes(); }
  at::Tensor loss(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) const override {
    check_map_shapes(name(), output, classes(), target, valid);
    return loss_->forward(output, target, valid);
  }
  at::Tensor predict(const at::Tensor& output) const override { return at::softmax(at_least_float32(output), 1); }
  std::vector<std::string> prediction_names() const override { return class_names_; }
  std::vector<std::string> class_names() const override { return class_names_; }
  bool is_classification() const override { return true; }
  bool is_dense() const override { return true; }
  double loss_scale() const override { return options_.loss_scale; }
  double kpi(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) const override {
    check_map_shapes(name(), output, classes(), target, valid);
    const c10::AutoGradMode no_grad(false);
    return unit_interval(labelled_mean(predicted_classes(output).eq(target), valid));
  }
  std::unique_ptr<TaskMetrics> make_metrics() const override {
    return std::make_unique<SegmentationMetrics>(create_metrics(options_.metrics, segmentation_metrics(), classes()),
                                                 options_.class_iou ? class_names_ : std::vector<std::string>(),
                                                 classes());
  }
  Node state() const override;
  void load_state(const Node& state) override;

 private:
  int64_t classes() const;
  void adopt(std::vector<std::string> class_names, std::vector<int64_t> counts);

  SegmentationOptions options_;
  std::vector<std::string> class_names_;  ///< [C], empty until fitted
  std::vector<int64_t> counts_;           ///< [C] training pixels
  std::unique_ptr<DenseLoss> loss_;
};

int64_t Segmentation::classes() const {
  if (loss_ == nullptr) throw WorkError("task \"{}\" was asked for its classes before fit or load_state", name());
  return static_cast<int64_t>(class_names_.size());
}

void Segmentation::fit(const Targets& targets, const std::vector<int64_t>& train_rows) {
  const auto classes = static_cast<int64_t>(targets.class_names.size());
  if (classes < 2)
    throw InputError("task \"{}\": layer \"{}\" has {} class; at least 2 are needed", name(), options_.target, classes);
  at::Tensor counts = at::zeros({classes}, at::kLong);
  scan_dense(targets, train_rows, [&](const at::Tensor& values, const at::Tensor& valid) {
    counts.add_(values.masked_select(valid).bincount({}, classes));
  });
  if (counts.sum().item<int64_t>() == 0)
    throw InputError("task \"{}\": none of the pixels of {} training samples has a label in layer \"{}\"", name(),
                     train_rows.size(), options_.target);
  adopt(targets.class_names, {counts.data_ptr<int64_t>(), counts.data_ptr<int64_t>() + classes});
  for (size_t c = 0; c < counts_.size(); ++c)
    if (counts_[c] == 0)
      log_warning("task \"{}\": class \"{}\" has no training pixel and can not be learnt", name(), class_names_[c]);
}

void Segmentation::adopt(std::vector<std::string> class_names, std::vector<int64_t> counts) {
  const auto classes = static_cast<int64_t>(class_names.size());
  auto loss = naming_task(name(), [&] {
    create_metrics(options_.metrics, segmentation_metrics(), classes);  // so that their errors come before training
    return segmentation_losses().create(with_balanced_weights(options_.loss, counts), classes);
  });
  class_names_ = std::move(class_names);
  counts_ = std::move(counts);
  loss_ = std::move(loss);
}

Node Segmentation::state() const { return ClassCounts{class_names_, counts_}.to_node(); }

void Segmentation::load_state(const Node& state) {
  ClassCounts classes = ClassCounts::from_node(name(), state);
  check_classes_of_state(name(), options_.classes, options_.class_names, state, classes.names);
  adopt(std::move(classes.names), std::move(classes.counts));
}

}  // namespace

void register_segmentation(TaskTypeRegistry& types) {
  types.add<SegmentationOptions>("segmentation", "one of several classes per pixel", "",
                                 [](const SegmentationOptions& options, const std::string& name) {
                                   return std::make_unique<Segmentation>(options, name);
                                 });
}

}  // namespace polytask
