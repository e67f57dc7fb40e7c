#include <polytask/data/dense_labels.h>
#include <polytask/objectives/dense_loss.h>
#include <polytask/objectives/losses/mean_loss.h>
#include <polytask/objectives/tasks/column_metrics.h>
#include <polytask/objectives/tasks/dense_data.h>
#include <polytask/objectives/tasks/map_metrics.h>
#include <polytask/objectives/tasks/register.h>
#include <polytask/objectives/tasks/task_data.h>
#include <polytask/objectives/tasks/task_fields.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/softplus.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <limits>

namespace polytask {
namespace {

struct DenseRegressionOptions {
  std::string target;
  std::string unit;
  std::string output = "softplus";
  bool standardise = true;
  Node loss = Node::scalar_of("l1", true);
  Node metrics = texts_node({"mae", "rmse", "bias", "r2"});
  double loss_scale = 1;

  void fields(Fields& f) {
    layer_field(f, target);
    f.field("unit", unit, "the target's unit; \"\": the layer's");
    f.field(
        "output", output,
        "how the head's output becomes a value: softplus and exp are positive everywhere, so that no negative height "
        "or biomass comes out; linear is not",
        one_of({"softplus", "exp", "linear"}));
    f.field("standardise", standardise,
            "learn values divided by the standard deviation of the training labels (linear: after taking off their "
            "mean); predictions and metrics are in real units");
    loss_field(f, loss, dense_regression_losses());
    metrics_field(f, metrics, dense_regression_metrics());
    loss_scale_field(f, loss_scale);
  }
};

// Mean, variance and least value of a stream of labels.
class LabelStatistics {
 public:
  void add(const at::Tensor& labels) {
    if (labels.numel() == 0) return;
    const at::Tensor values = labels.to(at::kDouble);
    const auto n = static_cast<double>(values.numel());
    const double mean = values.mean().item<double>(), delta = mean - mean_;
    sum_of_squares_ += (values - mean).square().sum().item<double>() + delta * delta * count_ * n / (count_ + n);
    mean_ += delta * n / (count_ + n);
    count_ += n;
    least_ = std::min(least_, values.min().item<double>());
  }
  double count() const { return count_; }
  double mean() const { return mean_; }
  double least() const { return least_; }
  double deviation() const { return sum_of_squares_ > 0 ? std::sqrt(sum_of_squares_ / count_) : 1; }

 private:
  double count_ = 0, mean_ = 0, sum_of_squares_ = 0, least_ = std::numeric_limits<double>::infinity();
};

class DenseRegression : public TaskType {
 public:
  DenseRegression(const DenseRegressionOptions& options, const std::string& name)
      : TaskType(name), options_(options), unit_(options.unit) {
    loss_ = naming_task(name, [&] {
      create_metrics(options.metrics, dense_regression_metrics(), 1);  // so that their errors come before training
      return dense_regression_losses().create(options.loss, 1);
    });
    if (loss_->leaves_out_negatives() && options.output == "linear" && options.standardise)
      throw InputError(
          "task \"{}\": loss {} leaves out labels that are not above 0, as about half of them are where output: linear "
          "and standardise take off their mean; say output: softplus or exp, or standardise: false",
          name, options.loss.text_or("type", ""));
  }

  TargetRequest target_request() const override {
    TargetRequest request;
    request.task = name();
    request.kind = TargetKind::real;
    request.expressions = {options_.target};
    request.dense = true;
    return request;
  }
  void fit(const Targets& targets, const std::vector<int64_t>& train_rows) override;
  int64_t outputs() const override { return 1; }
  at::Tensor loss(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) const override {
    check_map_shapes(name(), output, 1, target, valid);
    const at::Tensor learnt = activate(at_least_float32(output));
    return loss_->forward(learnt, ((target - shift_) / scale_).to(learnt.scalar_type()).squeeze(1),
                          valid.defined() ? valid.squeeze(1) : valid);
  }
  at::Tensor predict(const at::Tensor& output) const override {
    return activate(at_least_float32(output)) * scale_ + shift_;
  }
  std::vector<std::string> prediction_names() const override {
    return {unit_.empty() ? options_.target : fmt::format("{} [{}]", options_.target, unit_)};
  }
  std::string unit() const override { return unit_; }
  bool is_regression() const override { return true; }
  bool is_dense() const override { return true; }
  double loss_scale() const override { return options_.loss_scale; }
  double kpi(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) const override {
    check_map_shapes(name(), output, 1, target, valid);
    const c10::AutoGradMode no_grad(false);
    return unit_interval(1 - std::sqrt(labelled_mean((predict(output) - target).square(), valid)) / scale_);
  }
  std::unique_ptr<TaskMetrics> make_metrics() const override;
  Node state() const override {
    return Node::map_of({{"shift", Node::scalar_of(number_text(shift_))},
                         {"scale", Node::scalar_of(number_text(scale_))},
                         {"unit", Node::scalar_of(unit_, true)}});
  }
  void load_state(const Node& state) override;

 private:
  at::Tensor activate(const at::Tensor& output) const {
    if (options_.output == "softplus") return at::softplus(output);
    return options_.output == "exp" ? output.exp() : output;
  }

  DenseRegressionOptions options_;
  std::string unit_;
  double shift_ = 0, scale_ = 1;  ///< value = activation × scale + shift
  std::unique_ptr<DenseLoss> loss_;
};

void DenseRegression::fit(const Targets& targets, const std::vector<int64_t>& train_rows) {
  LabelStatistics labels;
  scan_dense(targets, train_rows,
             [&](const at::Tensor& values, const at::Tensor& valid) { labels.add(values.masked_select(valid)); });
  if (labels.count() == 0)
    throw InputError("task \"{}\": none of the pixels of {} training samples has a label in layer \"{}\"", name(),
                     train_rows.size(), options_.target);
  if (options_.output != "linear" && labels.least() < 0)
    throw InputError(
        "task \"{}\": layer \"{}\" goes down to {}, but output: {} gives positive values only; is that a value for no "
        "data? Otherwise say output: linear",
        name(), options_.target, number_text(labels.least()), options_.output);
  if (options_.standardise) {
    scale_ = labels.deviation();
    shift_ = options_.output == "linear" ? labels.mean() : 0;
  }
  if (options_.unit.empty() && !targets.units.empty()) unit_ = targets.units.front();
}

std::unique_ptr<TaskMetrics> DenseRegression::make_metrics() const {
  const auto values = [this](const at::Tensor& output) { return predict(output); };
  const auto create = [this] { return create_metrics(options_.metrics, dense_regression_metrics(), 1); };
  return std::make_unique<MapMetrics>(values, create, options_.target, unit_);
}

void DenseRegression::load_state(const Node& state) {
  const auto number = [&](const std::string& key) {
    const Node* found = state.find(key);
    if (found == nullptr) throw InputError("{}: the state of task \"{}\" has no \"{}\"", state.where(), name(), key);
    return number_of(*found);
  };
  shift_ = number("shift");
  scale_ = number("scale");
  unit_ = state.text_or("unit", "");
}

}  // namespace

void register_dense_regression(TaskTypeRegistry& types) {
  types.add<DenseRegressionOptions>("dense_regression", "a number per pixel: height, biomass, depth", "",
                                    [](const DenseRegressionOptions& options, const std::string& name) {
                                      return std::make_unique<DenseRegression>(options, name);
                                    });
}

}  // namespace polytask
