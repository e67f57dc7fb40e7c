#include "kinds.h"

#include <polytask/objectives/dense_loss.h>
#include <polytask/objectives/metric.h>

#include <fmt/format.h>

#include <ATen/ATen.h>

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace polytask::golden {
namespace {

Node named(const std::string& type) { return Node::map_of({{"type", Node::scalar_of(type, true)}}); }
at::Tensor one(double value) { return at::full({1}, value, at::kDouble); }

// The references compute shares in float32, which the tolerances do not allow for: `single` is ours computed that way,
// and stands for it where the two agree to rounding.
at::Tensor in_single(double ours, const at::Tensor& single) {
  const double rounded = single.item<double>();
  return one(std::abs(ours - rounded) < 1e-6 ? rounded : ours);
}

std::unique_ptr<DenseLoss> loss_of(const DenseLossRegistry& family, const std::string& type, int64_t classes) {
  return family.create(family.resolve(named(type)), classes);
}

// The labelled pixels of maps [B, C, H, W] as samples.
MetricInput samples(const at::Tensor& prediction, const at::Tensor& target, const at::Tensor& valid) {
  const at::Tensor flat = prediction.permute({0, 2, 3, 1}).reshape({-1, prediction.size(1)});
  const at::Tensor known = valid.reshape(-1);
  return {flat.index({known}), target.reshape(-1).masked_select(known)};
}

double over(const std::string& metric, const std::vector<MetricInput>& batches) {
  const auto made = dense_regression_metrics().create(dense_regression_metrics().resolve(named(metric)), 1);
  for (const auto& batch : batches) made->update(batch);
  return made->value();
}

// Losses of batches, and their mean over the images, as the reference's epochs are summed up.
class EpochLoss {
 public:
  void add(double loss, int64_t images) {
    sum_ += loss * static_cast<double>(images);
    images_ += images;
  }
  at::Tensor mean() const { return one(sum_ / static_cast<double>(images_)); }

 private:
  double sum_ = 0;
  int64_t images_ = 0;
};

at::Tensor with_gradient(const DenseLoss& loss, const at::Tensor& output, const at::Tensor& target,
                         const at::Tensor& valid, at::Tensor& gradient) {
  const at::Tensor leaf = output.clone().requires_grad_(true);
  const at::Tensor value = loss.forward(leaf, target, valid);
  value.backward();
  gradient = leaf.grad();
  return value.detach().reshape({1});
}

// `batches`: ".0", ".1", …, or "" for the only one.
void run_segmentation(const Case& golden, const std::vector<std::string>& batches, int64_t classes,
                      NamedTensors& results) {
  ConfusionMatrix confusion(classes);
  const auto& metrics = segmentation_metrics();
  const auto miou = metrics.create(named("miou"), classes), accuracy = metrics.create(named("pixel_accuracy"), classes);
  const auto loss = loss_of(segmentation_losses(), "cross_entropy", classes);
  EpochLoss mean, mean_of_all;
  for (const auto& batch : batches) {
    const at::Tensor &output = golden.input.at("seg_pred" + batch), &target = golden.input.at("seg_gt" + batch);
    const at::Tensor valid = target >= 0;  // -1: no label
    const MetricInput input = samples(at::softmax(output, 1), target, valid);
    confusion.update(input);
    miou->update(input);
    accuracy->update(input);
    at::Tensor& value = results["libmtl.loss.seg" + batch];
    value = with_gradient(*loss, output, target, valid, results["libmtl.loss_grad.seg" + batch]);
    // There the sum over labelled pixels is divided by all pixels.
    results["simo.loss.seg" + batch] = value * valid.to(at::kDouble).mean().item<double>();
    mean.add(value.item<double>(), output.size(0));
    mean_of_all.add(results["simo.loss.seg" + batch].item<double>(), output.size(0));
  }
  results["libmtl.confusion"] = results["confusion"] = confusion.counts();
  const at::Tensor iou = class_iou(confusion).to(at::kFloat);
  results["libmtl.pixAcc"] = results["lorenmt.pixAcc"] =
      in_single(accuracy->value(), at::full({1}, accuracy->value(), at::kFloat));
  results["simo.mIoU"] = in_single(miou->value(), iou.masked_select(iou.isnan().logical_not()).mean());
  // These two count absent classes as well, so that the mean is NaN.
  results["libmtl.mIoU"] = results["lorenmt.mIoU"] = iou.mean().to(at::kDouble).reshape({1});
  results["libmtl.epoch_loss.seg"] = mean.mean();
  results["simo.epoch_loss.seg"] = mean_of_all.mean();
}

void run_depth(const Case& golden, const std::vector<std::string>& batches, NamedTensors& results) {
  const auto loss = loss_of(dense_regression_losses(), "l1", 1);
  std::vector<MetricInput> all;
  EpochLoss mean;
  for (const auto& batch : batches) {
    const at::Tensor& output = golden.input.at("depth_pred" + batch);
    const at::Tensor target = golden.input.at("depth_gt" + batch).squeeze(1), valid = target != 0;
    const MetricInput pixels = samples(output, target, valid);
    all.push_back({pixels.prediction.squeeze(1).to(at::kDouble), pixels.target.to(at::kDouble)});
    at::Tensor& value = results["libmtl.loss.depth" + batch];
    value = with_gradient(*loss, output, target, valid, results["libmtl.loss_grad.depth" + batch]);
    results["simo.loss.depth" + batch] = value;
    mean.add(value.item<double>(), output.size(0));
    results["lorenmt.abs_err.batch" + batch.substr(1)] = one(over("mae", {all.back()}));
    results["lorenmt.rel_err.batch" + batch.substr(1)] = one(over("abs_rel", {all.back()}));
  }
  results["libmtl.abs_err"] = one(over("mae", all));
  results["libmtl.rel_err"] = one(over("abs_rel", all));
  for (const char* name : {"libmtl.epoch_loss.depth", "simo.epoch_loss.depth", "simo.depth_abs_err"})
    results[name] = mean.mean();
  const auto silog = loss_of(dense_regression_losses(), "silog", 1);
  const at::Tensor target = golden.input.at("depth_gt.0").squeeze(1);
  results["dinov2_loss.sigloss"] =
      with_gradient(*silog, golden.input.at("depth_pred.0"), target, target > 0, results["dinov2_loss.sigloss.grad"]);
}

}  // namespace

NamedTensors run_dense_metrics(const Case& golden) {
  const std::string target = "seg_gt";
  std::vector<std::string> batches;
  for (const auto& [name, tensor] : golden.input)
    if (starts_with(name, target)) batches.push_back(name.substr(target.size()));
  NamedTensors results;
  run_segmentation(golden, batches, integer_of(config(golden, "classes")), results);
  if (golden.input.count("depth_gt" + batches.front()) > 0) run_depth(golden, batches, results);
  return results;
}

// Surface normals and what counts them in, the warm-up of DINOv2's loss, and its gradient loss, which compares images
// of a batch with each other.
bool lacks_dense_tensor(const std::string& name) {
  return name.find("normal") != std::string::npos || name == "simo.delta_mtl" ||
         starts_with(name, "dinov2_loss.sigloss_warmup") || starts_with(name, "dinov2_loss.gradientloss");
}

}  // namespace polytask::golden
