#include <polytask/balancing/weighting/dtp.h>
#include <polytask/balancing/weighting/per_task.h>
#include <polytask/balancing/weighting/register.h>
#include <polytask/balancing/weighting/tasks.h>
#include <polytask/core/error.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

namespace polytask {

void DtpOptions::fields(Fields& f) {
  Range share = between(0, 1);
  share.min_open = true;
  f.field("alpha", alpha, "share of the batch's KPI in the moving average: 1 is no average", share);
  f.field("gamma", gamma, "how strongly easy tasks are left aside, one number or one for each task", at_least(0));
  f.field("epsilon", epsilon, "KPIs are kept that far from 0 and 1", strictly_between(0, 0.5));
}

void Dtp::setup(const std::vector<TaskInfo>& tasks) {
  names_ = task_names(tasks);
  gamma_ = per_task("gamma", options_.gamma, names_);
  kpis_.assign(tasks.size(), 0);
  seen_.assign(tasks.size(), 0);
}

Needs Dtp::needs() const {
  Needs needs;
  needs.kpis = true;
  return needs;
}

void Dtp::record(const LossState& state, size_t task) {
  const double kpi = state.kpis[task];
  if (!(kpi >= 0 && kpi <= 1))
    throw WorkError("dtp: the KPI of {} is {} in step {}: it must be in [0, 1]", task_text(names_, task),
                    number_text(kpi), state.step);
  kpis_[task] = seen_[task] > 0 ? options_.alpha * kpi + (1 - options_.alpha) * kpis_[task] : kpi;
  seen_[task] = 1;
}

double Dtp::weight(size_t task) const {
  if (seen_[task] == 0) return 1;
  const double kpi = std::clamp(kpis_[task], options_.epsilon, 1 - options_.epsilon);
  return -std::pow(1 - kpi, gamma_[task]) * std::log(kpi);
}

Weights Dtp::weigh(const LossState& state, bool train) {
  check_setup("dtp", names_.size(), state);
  if (train && state.kpis.size() != names_.size())
    throw WorkError("dtp: weighing a training batch needs a KPI for each of the {} tasks, and {} were supplied",
                    names_.size(), state.kpis.size());
  std::vector<double> w(names_.size(), 0.0);
  for (size_t t : present_tasks(state)) {
    if (train) record(state, t);
    w[t] = weight(t);
  }
  Weights weights = weighted_sum(state, std::move(w));
  weights.shown["kpi"] = kpis_;
  return weights;
}

NamedTensors Dtp::state() const { return {{"kpis", state_tensor(kpis_)}, {"seen", state_tensor(seen_)}}; }

void Dtp::load_state(const NamedTensors& state) {
  kpis_ = state_values("dtp", state, "kpis", names_.size());
  seen_ = state_values("dtp", state, "seen", names_.size());
}

void register_dtp(BalancerRegistry& registry) {
  add_loss_weighting<DtpOptions>(registry, "dtp", "Tasks weigh more the lower their KPI is (DTP)",
                                 "Guo et al., Dynamic Task Prioritization for Multitask Learning, ECCV 2018, eq. 2-4",
                                 [](const DtpOptions& options) { return std::make_unique<Dtp>(options); });
}

}  // namespace polytask
