#include <polytask/objectives/losses/mean_loss.h>
#include <polytask/objectives/tasks/column_metrics.h>
#include <polytask/objectives/tasks/register.h>
#include <polytask/objectives/tasks/target_scaling.h>
#include <polytask/objectives/tasks/task_data.h>
#include <polytask/objectives/tasks/task_fields.h>

#include <c10/core/GradMode.h>

#include <cmath>

namespace polytask {
namespace {

struct RegressionOptions {
  std::vector<std::string> targets;
  bool standardise = true;
  bool log = false;
  std::vector<std::string> units;
  Node loss = Node::scalar_of("mse", true);
  Node metrics = texts_node({"mae", "rmse", "r2"});
  double loss_scale = 1;

  void fields(Fields& f) {
    one_or_many_field(f, "target", "targets", targets, "the column of numbers");
    f.field(
        "standardise", standardise,
        "learn (value − mean) / standard deviation of the training targets; predictions and metrics are in real units");
    f.field("log", log, "learn the logarithm; every target must be above 0");
    one_or_many_field(f, "unit", "units", units, "the targets' unit, one for all or one each; none: the data's");
    loss_field(f, loss, regression_losses());
    metrics_field(f, metrics, regression_metrics());
    loss_scale_field(f, loss_scale);
  }
};

class Regression : public TaskType {
 public:
  Regression(const RegressionOptions& options, const std::string& name)
      : TaskType(name), options_(options), scaling_(0, options.log) {
    checked_targets(name, options.targets);
    if (options.units.size() > 1 && options.units.size() != options.targets.size())
      throw InputError("task \"{}\": {} units for {} targets; give one for all or one each", name, options.units.size(),
                       options.targets.size());
    scaling_ = TargetScaling(columns(), options.log);
    units_ = units_from({});
    loss_ = naming_task(name, [&] {
      create_metrics(options.metrics, regression_metrics(), 1);  // so that their errors come before training
      return regression_losses().create(options.loss, columns());
    });
  }

  TargetRequest target_request() const override;
  void fit(const Targets& targets, const std::vector<int64_t>& train_rows) override;
  int64_t outputs() const override { return columns() * loss_->outputs_per_target(); }
  at::Tensor loss(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) const override {
    check_shapes(name(), output, outputs(), target, columns(), valid);
    const auto type = at_least_float32(output.detach()).scalar_type();
    return mean_loss(*loss_, output, scaling_.standardise(target).to(type), valid);
  }
  at::Tensor predict(const at::Tensor& output) const override {
    return scaling_.restore(output.narrow(1, 0, columns()));
  }
  std::vector<std::string> prediction_names() const override;
  bool is_regression() const override { return true; }
  double loss_scale() const override { return options_.loss_scale; }
  double kpi(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) const override;
  std::unique_ptr<TaskMetrics> make_metrics() const override;
  Node state() const override;
  void load_state(const Node& state) override;

 private:
  int64_t columns() const { return static_cast<int64_t>(options_.targets.size()); }
  std::vector<std::string> units_from(const std::vector<std::string>& data_units) const;
  void check_values(const Targets& targets) const;

  RegressionOptions options_;
  TargetScaling scaling_;
  std::vector<std::string> units_;  ///< [K], "" where unknown
  std::unique_ptr<Loss> loss_;
};

TargetRequest Regression::target_request() const {
  TargetRequest request;
  request.task = name();
  request.kind = TargetKind::real;
  request.expressions = options_.targets;
  return request;
}

// The configured units, else the data's, else none.
std::vector<std::string> Regression::units_from(const std::vector<std::string>& data_units) const {
  const size_t targets = options_.targets.size();
  if (options_.units.size() == targets) return options_.units;
  if (options_.units.size() == 1) return std::vector<std::string>(targets, options_.units.front());
  return data_units.size() == targets ? data_units : std::vector<std::string>(targets);
}

// Every labelled value is finite, and above 0 where its logarithm is learnt.
void Regression::check_values(const Targets& targets) const {
  at::Tensor bad = targets.values.isfinite().logical_not();
  if (options_.log) bad = bad.logical_or(targets.values.le(0));
  if (targets.valid.defined()) bad = bad.logical_and(targets.valid);
  const at::Tensor found = bad.nonzero();
  if (found.size(0) == 0) return;
  const int64_t row = found[0][0].item<int64_t>(), column = found[0][1].item<int64_t>();
  throw InputError("task \"{}\": \"{}\" is {} in row {} (counted from 0); {}", name(),
                   options_.targets[static_cast<size_t>(column)],
                   number_text(targets.values[row][column].item<double>()), row,
                   options_.log ? "log: true needs finite values above 0" : "it must be finite");
}

void Regression::fit(const Targets& targets, const std::vector<int64_t>& train_rows) {
  check_values(targets);
  const TrainLabels train = train_labels(targets, train_rows);
  require_labels(name(), train.valid, options_.targets);
  if (options_.standardise) scaling_ = TargetScaling::fit(train.values, train.valid, options_.log);
  units_ = units_from(targets.units);
}

std::vector<std::string> Regression::prediction_names() const {
  std::vector<std::string> names;
  for (size_t k = 0; k < units_.size(); ++k)
    names.push_back(units_[k].empty() ? options_.targets[k] : fmt::format("{} [{}]", options_.targets[k], units_[k]));
  return names;
}

double Regression::kpi(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) const {
  check_shapes(name(), output, outputs(), target, columns(), valid);
  const c10::AutoGradMode no_grad(false);
  const at::Tensor error = output.narrow(1, 0, columns()) - scaling_.standardise(target);
  return unit_interval(1 - std::sqrt(labelled_mean(error.square(), valid)));
}

std::unique_ptr<TaskMetrics> Regression::make_metrics() const {
  const auto predict = [scaling = scaling_, columns = columns()](const at::Tensor& output) {
    return scaling.restore(output.narrow(1, 0, columns));
  };
  const auto create = [this] { return create_metrics(options_.metrics, regression_metrics(), 1); };
  return std::make_unique<ColumnMetrics>(predict, create, options_.targets, units_);
}

Node Regression::state() const {
  return Node::map_of(
      {{"mean", numbers_node(scaling_.mean())}, {"std", numbers_node(scaling_.std())}, {"units", texts_node(units_)}});
}

void Regression::load_state(const Node& state) {
  std::vector<double> mean = numbers_of(name(), state, "mean");
  std::vector<double> std = numbers_of(name(), state, "std");
  std::vector<std::string> units = texts_of(name(), state, "units");
  const size_t targets = options_.targets.size();
  if (mean.size() != targets || std.size() != targets || units.size() != targets)
    throw InputError("{}: the state of task \"{}\" has {} means, {} standard deviations and {} units for {} targets",
                     state.where(), name(), mean.size(), std.size(), units.size(), targets);
  scaling_ = naming_task(name(), [&] { return TargetScaling(std::move(mean), std::move(std), options_.log); });
  units_ = std::move(units);
}

}  // namespace

void register_regression(TaskTypeRegistry& types) {
  types.add<RegressionOptions>("regression", "one or several numbers per sample", "",
                               [](const RegressionOptions& options, const std::string& name) {
                                 return std::make_unique<Regression>(options, name);
                               });
}

}  // namespace polytask
