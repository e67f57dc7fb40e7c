#include <polytask/balancing/gram/imtl.h>
#include <polytask/balancing/gram/register.h>
#include <polytask/balancing/learnable.h>
#include <polytask/core/error.h>

#include <cmath>
#include <memory>

namespace polytask {

void ImtlOptions::fields(Fields& f) {
  f.field("convention", convention,
          "how dependent gradients are treated: paper: equal projections by least squares; libmtl: the inverse",
          one_of({"paper", "libmtl"}));
  f.field("initial_log_scale", initial_log_scale, "logarithm of every loss's scale at the start");
}

Imtl::Imtl(const ImtlOptions& options) : initial_log_scale_(options.initial_log_scale), impartial_(options.convention) {
  if (!std::isfinite(initial_log_scale_)) throw InputError("balancing.initial_log_scale: must be finite");
}

void Imtl::setup(const std::vector<TaskInfo>& tasks) {
  names_.clear();
  log_scales_.clear();
  for (const TaskInfo& task : tasks) {
    names_.push_back(task.name);
    log_scales_.push_back(learnable_scalar(initial_log_scale_));
  }
}

NamedTensors Imtl::parameters() {
  NamedTensors named;
  for (size_t t = 0; t < names_.size(); ++t) named["log_scale." + names_[t]] = log_scales_[t];
  return named;
}

double Imtl::scale(int64_t task, const LossState& state) const {
  const double log_scale = log_scales_[static_cast<size_t>(task)].item<double>();
  const double value = std::exp(log_scale);
  if (!std::isfinite(value))
    throw WorkError(
        "imtl: the loss scale of task \"{}\" is {} in step {}: lower the learning rate of the balancing group",
        names_[static_cast<size_t>(task)], number_text(value), state.step);
  return value;
}

GramWeights Imtl::weigh(const GramState& gram, const LossState& state) {
  if (static_cast<size_t>(gram.task_count) != log_scales_.size())
    throw WorkError("imtl: rows of {} tasks, but setup() was given {}", gram.task_count, log_scales_.size());
  const int64_t rows = gram.rows();
  GramWeights weights;
  for (int64_t task : gram.tasks) weights.heads.push_back(scale(task, state));
  scaled_.resize(rows, rows);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < rows; ++j)
      scaled_(i, j) = weights.heads[static_cast<size_t>(i)] * gram.gram(i, j) * weights.heads[static_cast<size_t>(j)];
  const auto alpha = impartial_.solve(scaled_, weights.solver);
  for (size_t row = 0; row < alpha.size(); ++row) {
    const at::Tensor& log_scale = log_scales_[static_cast<size_t>(gram.tasks[row])];
    weights.w.push_back(alpha[row] * weights.heads[row]);
    weights.shown["log_scale"].push_back(log_scale.item<double>());
    add_to_gradient(log_scale, state.share * (weights.heads[row] * gram.losses[row] - 1));
  }
  weights.shown["alpha"] = alpha;
  return weights;
}

void register_imtl(BalancerRegistry& registry) {
  add_gram_weighting<ImtlOptions>(registry, "imtl",
                                  "Equal projections on all gradients, and learned scales of the losses (IMTL)",
                                  "Liu et al., Towards Impartial Multi-task Learning, ICLR 2021",
                                  [](const ImtlOptions& options) { return std::make_unique<Imtl>(options); });
}

}  // namespace polytask
