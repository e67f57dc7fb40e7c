#pragma once
#include <polytask/data/targets.h>

#include <functional>
#include <utility>

namespace polytask {

/// Labels per pixel of one task, read from a layer of the source when they are needed. The source must outlive it.
class DenseLabels {
 public:
  /// `class_of`: the task's class of each of the layer's classes, −1 for those the task leaves out; empty: as they are.
  DenseLabels(const Source& source, const TargetRequest& request, int64_t layer, const std::vector<int64_t>& class_of,
              int64_t classes);

  int64_t rows() const { return source_.size(); }
  int64_t layer() const { return layer_; }
  /// Raw labels, float32 [B, H, W], NaN where there is none. Thread-safe.
  at::Tensor read(c10::ArrayRef<int64_t> rows) const;
  /// Raw labels of `rows` → what the task learns from, long [B, H, W] or float32 [B, 1, H, W] (0 where invalid), and a
  /// mask of that shape. InputError naming the row and the value: a label that is no class index, or not finite.
  std::pair<at::Tensor, at::Tensor> encode(const at::Tensor& raw, c10::ArrayRef<int64_t> rows) const;

 private:
  std::pair<at::Tensor, at::Tensor> encode_classes(const at::Tensor& raw, c10::ArrayRef<int64_t> rows) const;

  const Source& source_;
  std::string task_, name_;
  TargetKind kind_;
  int64_t layer_, classes_;
  at::Tensor class_of_;  // long [layer classes], undefined: as they are
};

/// The targets of a request for labels per pixel. Class names are the request's, else the layer's, else numbers up to
/// `classes`; a class of the layer that the request does not name is no label. InputError where the source has no such
/// layer, or a name is no class of it.
Targets dense_targets(const Source& source, const TargetRequest& request);

/// Calls `visit(values, valid)` with the labels of `rows`, some rows at a time, leaving out rows without any.
void scan_dense(const Targets& targets, const std::vector<int64_t>& rows,
                const std::function<void(const at::Tensor&, const at::Tensor&)>& visit);

}  // namespace polytask
