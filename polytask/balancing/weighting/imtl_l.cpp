#include <polytask/balancing/learnable.h>
#include <polytask/balancing/weighting/imtl_l.h>
#include <polytask/balancing/weighting/per_task.h>
#include <polytask/balancing/weighting/register.h>
#include <polytask/balancing/weighting/tasks.h>
#include <polytask/core/error.h>

#include <cmath>
#include <memory>

namespace polytask {

void ImtlLOptions::fields(Fields& f) {
  f.field("initial_log_scales", initial_log_scales,
          "logarithms of the weights at the start, one number or one for each task");
}

void ImtlL::setup(const std::vector<TaskInfo>& tasks) {
  names_ = task_names(tasks);
  scales_.clear();
  for (double initial : per_task("initial_log_scales", options_.initial_log_scales, names_)) {
    scales_.push_back(learnable_scalar(initial));
  }
}

NamedTensors ImtlL::parameters() {
  NamedTensors named;
  for (size_t t = 0; t < names_.size(); ++t) named["log_scale." + names_[t]] = scales_[t];
  return named;
}

Weights ImtlL::weigh(const LossState& state, bool train) {
  check_setup("imtl_l", scales_.size(), state);
  Weights weights = no_weights(state);
  for (const at::Tensor& scale : scales_) weights.shown["log_scale"].push_back(scale.item<double>());
  for (size_t t : present_tasks(state)) {
    const double s = weights.shown["log_scale"][t], weight = std::exp(s), loss = state.losses[t];
    if (!std::isfinite(weight))
      throw WorkError(
          "imtl_l: the weight of {} is {} in step {} (log scale {}): lower the learning rate of the balancing group, "
          "and check that its loss is above 0",
          task_text(names_, t), number_text(weight), state.step, number_text(s));
    weights.w[t] = weight;
    weights.objective += weight * loss - s;
    if (train) add_to_gradient(scales_[t], state.share * (weight * loss - 1));
  }
  return weights;
}

void register_imtl_l(BalancerRegistry& registry) {
  add_loss_weighting<ImtlLOptions>(registry, "imtl_l", "Learned scales draw every scaled loss to 1 (IMTL-L)",
                                   "Liu et al., Towards Impartial Multi-task Learning, ICLR 2021, eq. 7",
                                   [](const ImtlLOptions& options) { return std::make_unique<ImtlL>(options); });
}

}  // namespace polytask
