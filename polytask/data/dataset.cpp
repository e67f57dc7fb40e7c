#include <polytask/core/error.h>
#include <polytask/data/dataset.h>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <utility>

namespace polytask {
namespace {

// [B, 1, …] with as many dimensions as the tensor.
std::vector<int64_t> per_sample(const at::Tensor& tensor) {
  std::vector<int64_t> shape(static_cast<size_t>(tensor.dim()), 1);
  shape[0] = tensor.size(0);
  return shape;
}

}  // namespace

Dataset::Dataset(std::shared_ptr<const Source> source, std::vector<Preprocess> preprocess,
                 std::map<std::string, Targets> targets)
    : source_(std::move(source)), preprocess_(std::move(preprocess)), targets_(std::move(targets)) {
  const size_t inputs = source_->inputs().size();
  if (preprocess_.size() != inputs)
    throw InputError("data: preprocessing for {} inputs, but the source has {}", preprocess_.size(), inputs);
}

Batch Dataset::batch(c10::ArrayRef<int64_t> rows, const std::vector<std::unique_ptr<Transform>>& augment,
                     Random& random) const {
  const at::NoGradGuard no_grad;
  Batch batch;
  batch.rows = rows.vec();
  for (size_t i = 0; i < preprocess_.size(); ++i) {
    const InputSpec& spec = preprocess_[i].spec();
    at::Tensor raw = source_->read(static_cast<int64_t>(i), rows);
    if (spec.is_image())
      for (const auto& transform : augment) raw = transform->apply(raw, random);
    at::Tensor input = preprocess_[i].apply(raw);
    if (const at::Tensor given = source_->given(static_cast<int64_t>(i), rows); given.defined())
      input = at::where(given.view(per_sample(input)), input, at::zeros({}, input.options()));
    batch.inputs[spec.name] = std::move(input);
  }
  const at::Tensor index = at::tensor(rows, at::kLong);
  for (const auto& [task, targets] : targets_) {
    batch.targets[task] = targets.values.index_select(0, index);
    if (!targets.valid.defined()) continue;
    const at::Tensor valid = targets.valid.index_select(0, index);
    batch.labelled[task] = valid.sum().item<int64_t>();
    batch.valid[task] = valid;
  }
  return batch;
}

Batch Dataset::batch(c10::ArrayRef<int64_t> rows) const {
  Random unused;
  return batch(rows, {}, unused);
}

}  // namespace polytask
