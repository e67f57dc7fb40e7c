#include <polytask/allometry/target_rows.h>

namespace polytask {
namespace {

at::Tensor flat(const at::Tensor& values, at::ScalarType type) {
  return values.detach().to(at::kCPU, type).reshape({-1}).contiguous();
}

// A task's targets, one after the other, and which of them are there.
template <class T>
class FlatTargets {
 public:
  FlatTargets(const at::Tensor& targets, const at::Tensor& valid, at::ScalarType type) : values_(flat(targets, type)) {
    if (valid.defined()) valid_ = flat(valid, at::kBool);
    value_ = values_.data_ptr<T>();
    there_ = valid_.defined() ? valid_.data_ptr<bool>() : nullptr;
  }
  int64_t size() const { return values_.numel(); }
  bool there(int64_t i) const { return there_ == nullptr || there_[i]; }
  T operator[](int64_t i) const { return value_[i]; }

 private:
  at::Tensor values_, valid_;
  const T* value_;
  const bool* there_;
};

}  // namespace

std::vector<Observation> rows_of_targets(const std::vector<at::Tensor>& targets, const std::vector<at::Tensor>& valid) {
  const FlatTargets<int64_t> genus(targets[0], valid[0], at::kLong);
  const FlatTargets<double> height(targets[1], valid[1], at::kDouble), biomass(targets[2], valid[2], at::kDouble);
  std::vector<Observation> rows(static_cast<size_t>(genus.size()));
  for (int64_t i = 0; i < genus.size(); ++i) {
    Observation& row = rows[static_cast<size_t>(i)];
    if (genus.there(i)) row.genus = static_cast<int32_t>(genus[i]);
    if (height.there(i)) row.height_m = height[i];
    if (biomass.there(i)) row.biomass = biomass[i];
  }
  return rows;
}

}  // namespace polytask
