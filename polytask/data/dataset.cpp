#include <polytask/core/error.h>
#include <polytask/core/log.h>
#include <polytask/data/dataset.h>
#include <polytask/data/dense_labels.h>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <set>
#include <utility>

namespace polytask {
namespace {

// [B, 1, …] with as many dimensions as the tensor.
std::vector<int64_t> per_sample(const at::Tensor& tensor) {
  std::vector<int64_t> shape(static_cast<size_t>(tensor.dim()), 1);
  shape[0] = tensor.size(0);
  return shape;
}

void add_labels(Batch& batch, const std::string& task, const at::Tensor& values, const at::Tensor& valid) {
  batch.targets[task] = values;
  if (!valid.defined()) return;
  batch.labelled[task] = valid.sum().item<int64_t>();
  batch.valid[task] = valid;
}

// The layers of one batch, each read once, side by side: [B, L, H, W].
class LayerStack {
 public:
  LayerStack(const std::map<std::string, Targets>& targets, c10::ArrayRef<int64_t> rows) {
    std::vector<at::Tensor> raw;
    for (const auto& [task, of_task] : targets) {
      if (of_task.dense == nullptr || position_.count(of_task.dense->layer()) > 0) continue;
      position_[of_task.dense->layer()] = static_cast<int64_t>(raw.size());
      raw.push_back(of_task.dense->read(rows));
    }
    if (!raw.empty()) stack_ = at::stack(raw, 1);
  }

  bool empty() const { return !stack_.defined(); }
  at::Tensor layer(int64_t index) const { return stack_.select(1, position_.at(index)); }

  // Moves the pixels of image and layers alike.
  at::Tensor moved(const at::Tensor& image, const Transform& transform, Random& random) {
    const at::Tensor both = transform.apply(at::cat({image.to(at::kFloat), stack_}, 1), random);
    stack_ = both.narrow(1, image.size(1), stack_.size(1));
    return both.narrow(1, 0, image.size(1));
  }

 private:
  std::map<int64_t, int64_t> position_;
  at::Tensor stack_;
};

// What every task learns from in the rows of a batch.
void add_targets(const std::map<std::string, Targets>& all, const LayerStack& layers, Batch& batch) {
  const at::Tensor index = at::tensor(batch.rows, at::kLong);
  for (const auto& [task, targets] : all) {
    at::Tensor kept = targets.valid.defined() ? targets.valid.index_select(0, index) : at::Tensor();
    if (targets.dense == nullptr) {
      add_labels(batch, task, targets.values.index_select(0, index), kept);
      continue;
    }
    auto [values, valid] = targets.dense->encode(layers.layer(targets.dense->layer()), batch.rows);
    if (kept.defined()) valid.logical_and_(kept.view(per_sample(valid)));
    add_labels(batch, task, values, valid);
  }
}

at::Tensor augmented(at::Tensor image, LayerStack& layers, const std::vector<std::unique_ptr<Transform>>& augment,
                     Random& random) {
  for (const auto& transform : augment) {
    const bool together = transform->kind() == TransformKind::moves && !layers.empty();
    image = together ? layers.moved(image, *transform, random) : transform->apply(image, random);
  }
  return image;
}

// Where a picture has data in all of its channels: bool [B, H, W]; undefined: everywhere.
at::Tensor observed_pixels(const at::Tensor& image) {
  if (!image.is_floating_point()) return {};
  const at::Tensor missing = image.isnan();
  return missing.any().item<bool>() ? missing.any(1).logical_not() : at::Tensor();
}

}  // namespace

Dataset::Dataset(std::shared_ptr<const Source> source, std::vector<Preprocess> preprocess,
                 std::map<std::string, Targets> targets)
    : source_(std::move(source)), preprocess_(std::move(preprocess)), targets_(std::move(targets)) {
  const size_t inputs = source_->inputs().size();
  if (preprocess_.size() != inputs)
    throw InputError("data: preprocessing for {} inputs, but the source has {}", preprocess_.size(), inputs);
}

at::Tensor Dataset::input(size_t index, c10::ArrayRef<int64_t> rows, at::Tensor raw) const {
  at::Tensor input = preprocess_[index].apply(raw);
  const at::Tensor given = source_->given(static_cast<int64_t>(index), rows);
  if (!given.defined()) return input;
  return at::where(given.view(per_sample(input)), input, at::zeros({}, input.options()));
}

Batch Dataset::batch(c10::ArrayRef<int64_t> rows, const std::vector<std::unique_ptr<Transform>>& augment,
                     Random& random) const {
  const at::NoGradGuard no_grad;
  Batch batch;
  batch.rows = rows.vec();
  LayerStack layers(targets_, rows);
  for (size_t i = 0; i < preprocess_.size(); ++i) {
    const InputSpec& spec = preprocess_[i].spec();
    at::Tensor raw = source_->read(static_cast<int64_t>(i), rows);
    if (spec.is_image()) {
      raw = augmented(std::move(raw), layers, augment, random);
      if (const at::Tensor observed = observed_pixels(raw); observed.defined()) batch.observed[spec.name] = observed;
    }
    batch.inputs[spec.name] = input(i, rows, std::move(raw));
  }
  add_targets(targets_, layers, batch);
  return batch;
}

Batch Dataset::labels(c10::ArrayRef<int64_t> rows) const {
  const at::NoGradGuard no_grad;
  Batch batch;
  batch.rows = rows.vec();
  add_targets(targets_, LayerStack(targets_, rows), batch);
  return batch;
}

Batch Dataset::batch(c10::ArrayRef<int64_t> rows) const {
  Random unused;
  return batch(rows, {}, unused);
}

std::string read_failure(const Source& source, const std::map<std::string, Targets>& targets, int64_t row) {
  try {
    const auto inputs = static_cast<int64_t>(source.inputs().size());
    for (int64_t input = 0; input < inputs; ++input) source.read(input, row);
    for (const auto& [task, of_task] : targets)
      if (of_task.dense != nullptr) of_task.dense->read(row);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

void leave_out_unreadable(const Source& source, const std::map<std::string, Targets>& targets, Split& split) {
  std::set<int64_t> unreadable;
  std::string first;
  for (const int64_t row : source.unreadable_rows()) {
    const std::string failure = read_failure(source, targets, row);
    if (failure.empty()) continue;
    if (unreadable.empty()) first = failure;
    unreadable.insert(row);
    log_warning("left out: {}: {}", source.row_name(row), failure);
  }
  if (unreadable.empty()) return;
  for (auto* rows : {&split.train, &split.validation, &split.test})
    rows->erase(std::remove_if(rows->begin(), rows->end(), [&](int64_t row) { return unreadable.count(row) > 0; }),
                rows->end());
  if (split.train.empty()) throw InputError("data: no training sample can be read; {}", first);
  log_warning("data: {} of {} samples are left out, as they can not be read (on_bad_sample: skip)", unreadable.size(),
              source.size());
}

void check_augmentation(const Dataset& dataset, const std::vector<std::unique_ptr<Transform>>& augment) {
  const auto& targets = dataset.targets();
  const auto dense =
      std::find_if(targets.begin(), targets.end(), [](const auto& entry) { return entry.second.dense != nullptr; });
  if (dense == targets.end()) return;
  int64_t images = 0;
  for (const auto& preprocess : dataset.preprocess()) images += preprocess.spec().is_image() ? 1 : 0;
  for (size_t i = 0; i < augment.size(); ++i) {
    if (augment[i]->kind() == TransformKind::resamples)
      throw InputError(
          "data.transforms[{}]: this transform resamples pictures, which would blur the labels per pixel of task "
          "\"{}\"; "
          "flip and quarter_turns move picture and labels alike",
          i, dense->first);
    if (augment[i]->kind() == TransformKind::moves && images > 1)
      throw InputError(
          "data.transforms[{}]: with labels per pixel (task \"{}\") and {} image inputs, pixels can not be "
          "moved: each picture would be moved by itself",
          i, dense->first, images);
  }
}

}  // namespace polytask
