#include <polytask/core/log.h>
#include <polytask/objectives/losses/class_weights.h>
#include <polytask/objectives/losses/mean_loss.h>
#include <polytask/objectives/metrics/predicted_classes.h>
#include <polytask/objectives/tasks/class_counts.h>
#include <polytask/objectives/tasks/class_metrics.h>
#include <polytask/objectives/tasks/class_options.h>
#include <polytask/objectives/tasks/register.h>
#include <polytask/objectives/tasks/task_data.h>
#include <polytask/objectives/tasks/task_fields.h>

#include <ATen/ops/softmax.h>
#include <c10/core/GradMode.h>

namespace polytask {
namespace {

struct ClassificationOptions {
  std::vector<std::string> target;
  int64_t classes = 0;
  std::vector<std::string> class_names;
  Node loss = Node::scalar_of("cross_entropy", true);
  Node metrics = texts_node({"accuracy", "macro_f1"});
  double loss_scale = 1;

  void fields(Fields& f) {
    target_field(f, target);
    f.field("classes", classes, "number of classes, labels being 0 … classes − 1; 0: as named, or found in the data",
            at_least(0));
    f.field("class_names", class_names, "the classes in order; none: collected from the data");
    loss_field(f, loss, classification_losses());
    metrics_field(f, metrics, classification_metrics());
    loss_scale_field(f, loss_scale);
  }
};

class Classification : public TaskType {
 public:
  Classification(const ClassificationOptions& options, const std::string& name) : TaskType(name), options_(options) {
    only_target(name, options.target, "make a task of each");
    check_class_options(name, options.classes, options.class_names);
  }

  TargetRequest target_request() const override {
    return {name(), TargetKind::classes, options_.target, options_.class_names, options_.classes};
  }
  void fit(const Targets& targets, const std::vector<int64_t>& train_rows) override;
  int64_t outputs() const override { return classes(); }
  at::Tensor loss(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) const override {
    check_shapes(name(), output, classes(), target, 0, valid);
    return mean_loss(*loss_, output, target, valid);
  }
  at::Tensor predict(const at::Tensor& output) const override { return at::softmax(at_least_float32(output), 1); }
  std::vector<std::string> prediction_names() const override { return class_names_; }
  std::vector<std::string> class_names() const override { return class_names_; }
  bool is_classification() const override { return true; }
  double loss_scale() const override { return options_.loss_scale; }
  double kpi(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) const override {
    check_shapes(name(), output, classes(), target, 0, valid);
    const c10::AutoGradMode no_grad(false);
    return unit_interval(labelled_mean(predicted_classes(output).eq(target), valid));
  }
  std::unique_ptr<TaskMetrics> make_metrics() const override {
    return std::make_unique<ClassMetrics>(create_metrics(options_.metrics, classification_metrics(), classes()),
                                          classes());
  }
  Node state() const override;
  void load_state(const Node& state) override;

 private:
  int64_t classes() const;
  std::vector<std::string> names_from(const Targets& targets, const at::Tensor& labels) const;
  void adopt(std::vector<std::string> class_names, std::vector<int64_t> counts);
  void warn_of_absent_classes() const;

  ClassificationOptions options_;
  std::vector<std::string> class_names_;  ///< [C], empty until fitted
  std::vector<int64_t> counts_;           ///< [C] training samples
  std::unique_ptr<Loss> loss_;
};

int64_t Classification::classes() const {
  if (loss_ == nullptr) throw WorkError("task \"{}\" was asked for its classes before fit or load_state", name());
  return static_cast<int64_t>(class_names_.size());
}

// The classes' names: the data's, or numbers up to the configured or largest label.
std::vector<std::string> Classification::names_from(const Targets& targets, const at::Tensor& labels) const {
  if (!targets.class_names.empty()) return targets.class_names;
  if (!options_.class_names.empty()) return options_.class_names;
  const int64_t found = labels.numel() == 0 ? 0 : labels.max().item<int64_t>() + 1;
  std::vector<std::string> names;
  for (int64_t c = 0; c < (options_.classes > 0 ? options_.classes : found); ++c) names.push_back(std::to_string(c));
  return names;
}

void Classification::fit(const Targets& targets, const std::vector<int64_t>& train_rows) {
  const at::Tensor all = targets.valid.defined() ? targets.values.masked_select(targets.valid) : targets.values;
  std::vector<std::string> names = names_from(targets, all);
  const int64_t classes = static_cast<int64_t>(names.size());
  if (options_.classes > 0 && classes != options_.classes)
    throw InputError("task \"{}\": classes is {}, but the data have {}", name(), options_.classes, classes);
  if (classes < 2)
    throw InputError("task \"{}\": \"{}\" has {} class in the data; at least 2 are needed", name(),
                     options_.target.front(), classes);
  if (all.numel() > 0 && (all.min().item<int64_t>() < 0 || all.max().item<int64_t>() >= classes))
    throw InputError("task \"{}\": labels from {} to {} for {} classes, which are 0 … {}", name(),
                     all.min().item<int64_t>(), all.max().item<int64_t>(), classes, classes - 1);
  const TrainLabels train = train_labels(targets, train_rows);
  require_labels(name(), train.valid, options_.target);
  const at::Tensor counts = train.values.masked_select(train.valid).bincount({}, classes);
  adopt(std::move(names), {counts.data_ptr<int64_t>(), counts.data_ptr<int64_t>() + classes});
  warn_of_absent_classes();
}

void Classification::adopt(std::vector<std::string> class_names, std::vector<int64_t> counts) {
  const int64_t classes = static_cast<int64_t>(class_names.size());
  auto loss = naming_task(name(), [&] {
    create_metrics(options_.metrics, classification_metrics(), classes);  // so that their errors come before training
    return classification_losses().create(with_balanced_weights(options_.loss, counts), classes);
  });
  class_names_ = std::move(class_names);
  counts_ = std::move(counts);
  loss_ = std::move(loss);
}

void Classification::warn_of_absent_classes() const {
  if (!asks_for_balanced_weights(options_.loss)) return;
  for (size_t c = 0; c < counts_.size(); ++c)
    if (counts_[c] == 0)
      log_warning("task \"{}\": class \"{}\" has no training sample; its balanced weight is that of a class with one",
                  name(), class_names_[c]);
}

Node Classification::state() const { return ClassCounts{class_names_, counts_}.to_node(); }

void Classification::load_state(const Node& state) {
  ClassCounts classes = ClassCounts::from_node(name(), state);
  check_classes_of_state(name(), options_.classes, options_.class_names, state, classes.names);
  adopt(std::move(classes.names), std::move(classes.counts));
}

}  // namespace

void register_classification(TaskTypeRegistry& types) {
  types.add<ClassificationOptions>("classification", "one of several classes per sample", "",
                                   [](const ClassificationOptions& options, const std::string& name) {
                                     return std::make_unique<Classification>(options, name);
                                   });
}

}  // namespace polytask
