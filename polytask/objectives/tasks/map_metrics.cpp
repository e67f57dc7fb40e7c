#include <polytask/objectives/tasks/dense_data.h>
#include <polytask/objectives/tasks/map_metrics.h>

#include <c10/core/GradMode.h>

#include <utility>

namespace polytask {

MapMetrics::MapMetrics(ColumnMetrics::Predict predict, const ColumnMetrics::CreateMetrics& create,
                       const std::string& name, const std::string& unit)
    : predict_(std::move(predict)), pixels_([](const at::Tensor& values) { return values; }, create, {name}, {unit}) {}

void MapMetrics::update(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) {
  const c10::AutoGradMode no_grad(false);
  pixels_.update(pixels_of(predict_(output.detach())).to(at::kDouble), pixels_of(target),
                 valid.defined() ? pixels_of(valid) : valid);
}

}  // namespace polytask
