#include <polytask/nn/backbone.h>
#include <polytask/nn/head.h>
#include <polytask/nn/receptive_field.h>

#include <algorithm>

namespace polytask {

std::optional<ReceptiveField> receptive_field(const Backbone& backbone, const Head& head) {
  const auto reach = backbone.reach();
  ReceptiveField field;
  const auto read = head.cells(0);
  if (read.empty()) return std::nullopt;
  for (size_t i = 0; i < read.size(); ++i) {
    if (!read[i]) continue;
    if (i >= reach.size() || !reach[i]) return std::nullopt;
    field.stride = std::max(field.stride, reach[i]->stride);
  }
  for (int64_t pixel = 0; pixel < field.stride; ++pixel) {
    const auto cells = head.cells(pixel);
    for (size_t i = 0; i < cells.size(); ++i) {
      if (!cells[i]) continue;
      const int64_t first = reach[i]->stride * cells[i]->first - reach[i]->before;
      const int64_t last = reach[i]->stride * cells[i]->last + reach[i]->after;
      field.radius = std::max({field.radius, pixel - first, last - pixel});
    }
  }
  return field;
}

}  // namespace polytask
