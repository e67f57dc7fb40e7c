#include <polytask/objectives/tasks/column_metrics.h>

#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace polytask {

ColumnMetrics::ColumnMetrics(Predict predict, const CreateMetrics& create, std::vector<std::string> names,
                             std::vector<std::string> units)
    : predict_(std::move(predict)), names_(std::move(names)), units_(std::move(units)) {
  for (size_t k = 0; k < names_.size(); ++k) columns_.push_back(create());
}

void ColumnMetrics::update(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) {
  const c10::AutoGradMode no_grad(false);
  const at::Tensor prediction = predict_(output.detach().to(at::kCPU));          // [B, K]
  const at::Tensor truth = target.to(at::kCPU).to(prediction.scalar_type());     // [B, K]
  const at::Tensor known = valid.defined() ? valid.to(at::kCPU) : at::Tensor();  // [B, K]
  for (size_t k = 0; k < columns_.size(); ++k) {
    const int64_t column = static_cast<int64_t>(k);
    MetricInput input{prediction.select(1, column), truth.select(1, column)};
    if (known.defined()) {
      const at::Tensor rows = known.select(1, column);
      input = {input.prediction.masked_select(rows), input.target.masked_select(rows)};
    }
    for (auto& metric : columns_[k]) metric->update(input);
  }
}

std::vector<MetricValue> ColumnMetrics::values() const {
  std::vector<MetricValue> values;
  const bool several = columns_.size() > 1;
  for (size_t m = 0; m < columns_.front().size(); ++m) {
    if (several && comparable(*columns_.front()[m])) values.push_back(mean_of(m));
    for (size_t k = 0; k < columns_.size(); ++k) {
      const Metric& metric = *columns_[k][m];
      const std::string name = several ? metric.name() + "/" + names_[k] : metric.name();
      values.push_back({name, metric.value(), metric.direction(), metric.in_target_units() ? units_[k] : ""});
    }
  }
  return values;
}

bool ColumnMetrics::comparable(const Metric& metric) const {
  return !metric.in_target_units() ||
         std::all_of(units_.begin(), units_.end(), [&](const auto& unit) { return unit == units_.front(); });
}

MetricValue ColumnMetrics::mean_of(size_t metric) const {
  double sum = 0;
  int64_t defined = 0;
  for (const auto& column : columns_) {
    const double value = column[metric]->value();
    if (std::isnan(value)) continue;
    sum += value;
    ++defined;
  }
  const Metric& first = *columns_.front()[metric];
  const double mean = defined == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(defined);
  return {first.name(), mean, first.direction(), first.in_target_units() ? units_.front() : ""};
}

void ColumnMetrics::reset() {
  for (auto& column : columns_)
    for (auto& metric : column) metric->reset();
}

}  // namespace polytask
