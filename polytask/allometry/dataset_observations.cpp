#include <polytask/allometry/dataset_observations.h>
#include <polytask/allometry/target_rows.h>

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <utility>

namespace polytask {
namespace {

constexpr size_t kRows = 16;

}  // namespace

DatasetObservations::DatasetObservations(const Dataset& dataset, std::vector<int64_t> rows,
                                         std::array<std::string, 3> tasks, const std::vector<std::string>& class_names,
                                         const std::string& group)
    : dataset_(dataset),
      rows_(std::move(rows)),
      tasks_(std::move(tasks)),
      progress_("reading training rows", static_cast<int64_t>(rows_.size()), "rows") {
  for (const auto& name : class_names) numbers_.push_back(genera_.of(name));
  if (group.empty()) {
    groups_.of("");
    return;
  }
  const Column column = dataset_.source().column(group);
  for (int64_t row = 0; row < column.size(); ++row) group_.push_back(groups_.of(column.label(row)));
}

bool DatasetObservations::read(std::vector<Observation>& block) {
  block.clear();
  if (next_ == rows_.size()) return false;
  const size_t count = std::min(kRows, rows_.size() - next_);
  const Batch batch = dataset_.labels({rows_.data() + next_, count});
  std::vector<at::Tensor> targets, valid;
  for (const auto& task : tasks_) {
    targets.push_back(batch.targets.at(task));
    valid.push_back(batch.mask(task));
  }
  block = rows_of_targets(targets, valid);
  const size_t of_a_row = block.size() / count;
  for (size_t i = 0; i < block.size(); ++i) {
    Observation& row = block[i];
    if (row.genus >= 0) row.genus = numbers_[static_cast<size_t>(row.genus)];
    if (!group_.empty()) row.group = group_[static_cast<size_t>(batch.rows[i / of_a_row])];
  }
  next_ += count;
  progress_.update(static_cast<int64_t>(next_));
  return true;
}

}  // namespace polytask
