#include <polytask/allometry/dataset_observations.h>

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <utility>

namespace polytask {
namespace {

constexpr size_t kRows = 16;

at::Tensor flat(const at::Tensor& values, at::ScalarType type) {
  return values.to(at::kCPU, type).reshape({-1}).contiguous();
}

// A task's targets in a batch, one after the other, and which of them are there.
class FlatTargets {
 public:
  FlatTargets(const Batch& batch, const std::string& task, at::ScalarType type)
      : values_(flat(batch.targets.at(task), type)) {
    if (const auto mask = batch.valid.find(task); mask != batch.valid.end()) valid_ = flat(mask->second, at::kBool);
  }
  int64_t size() const { return values_.numel(); }
  bool there(int64_t i) const { return !valid_.defined() || valid_.data_ptr<bool>()[i]; }
  template <class T>
  T at(int64_t i) const {
    return values_.data_ptr<T>()[i];
  }

 private:
  at::Tensor values_, valid_;
};

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
  const Batch batch = dataset_.batch({rows_.data() + next_, count});
  const FlatTargets genus(batch, tasks_[0], at::kLong), height(batch, tasks_[1], at::kDouble),
      biomass(batch, tasks_[2], at::kDouble);
  const int64_t of_a_row = genus.size() / batch.size();
  block.resize(static_cast<size_t>(genus.size()));
  for (int64_t i = 0; i < genus.size(); ++i) {
    Observation& row = block[static_cast<size_t>(i)];
    if (genus.there(i)) row.genus = numbers_[static_cast<size_t>(genus.at<int64_t>(i))];
    if (height.there(i)) row.height_m = height.at<double>(i);
    if (biomass.there(i)) row.biomass = biomass.at<double>(i);
    if (!group_.empty()) row.group = group_[static_cast<size_t>(batch.rows[static_cast<size_t>(i / of_a_row)])];
  }
  next_ += count;
  progress_.update(static_cast<int64_t>(next_));
  return true;
}

}  // namespace polytask
