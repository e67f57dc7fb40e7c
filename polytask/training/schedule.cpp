#include <polytask/core/error.h>
#include <polytask/training/schedule.h>

#include <algorithm>
#include <cmath>

namespace polytask {
namespace {

Range share() { return between(0, 1); }

Range decay_factor() {
  Range range = between(0, 1);
  range.min_open = true;
  return range;
}

// Half a cosine from `from` (x = 0) to `to` (x = 1).
double cosine_between(double from, double to, double x) {
  const double weight = 0.5 * (1.0 + std::cos(M_PI * x));
  return from * weight + to * (1.0 - weight);
}

double one_cycle(const ScheduleOptions& options, double progress) {
  if (progress < options.peak_at) return cosine_between(options.start_factor, 1.0, progress / options.peak_at);
  const double falling = 1.0 - options.peak_at;
  return falling > 0 ? cosine_between(1.0, options.end_factor, (progress - options.peak_at) / falling) : 1.0;
}

struct PlateauState {
  double factor = 1.0;
  std::optional<double> best;
  int64_t bad_epochs = 0;
  void fields(Fields& f) {
    f.field("factor", factor, "product of the decays so far", share());
    f.field("best", best, "best monitored value so far");
    f.field("bad_epochs", bad_epochs, "epochs since then, or since the last decay", at_least(0));
  }
};

}  // namespace

void ScheduleOptions::fields(Fields& f) {
  f.field("type", type, "how the learning rates' common factor goes over the run",
          one_of({"constant", "step", "cosine", "one_cycle", "polynomial", "plateau"}));
  f.field("warmup", warmup, "steps of linear warm-up before the schedule, which then has the remaining steps",
          at_least(0));
  f.field("warmup_factor", warmup_factor, "factor at the first step of the warm-up", share());
  f.field("every", every, "step: epochs between decays, counted from the start of the run", at_least(1));
  f.field("gamma", gamma, "step, plateau: factor of each decay", decay_factor());
  f.field("final_factor", final_factor, "cosine, polynomial: factor at the last step", share());
  f.field("power", power, "polynomial: exponent of the remaining share of the run", above(0));
  f.field("peak_at", peak_at, "one_cycle: share of the run where the peak lies", share());
  f.field("start_factor", start_factor, "one_cycle: factor at the first step", share());
  f.field("end_factor", end_factor, "one_cycle: factor at the last step", share());
  f.field("patience", patience, "plateau: epochs without improvement that are tolerated; the next one decays",
          at_least(0));
  f.field("threshold", threshold, "plateau: improvement that counts, relative to the best value so far", at_least(0));
  f.field("min_factor", min_factor, "plateau: the factor never falls below it", share());
}

Schedule::Schedule(const ScheduleOptions& options, int64_t total_steps, int64_t steps_per_epoch)
    : options_(options), total_steps_(total_steps), steps_per_epoch_(std::max<int64_t>(steps_per_epoch, 1)) {}

double Schedule::factor(int64_t step) const {
  if (step >= options_.warmup) return shape(static_cast<double>(step));
  const double progress = static_cast<double>(step) / static_cast<double>(options_.warmup);
  return plateau_factor_ * (options_.warmup_factor + (1.0 - options_.warmup_factor) * progress);
}

double Schedule::shape(double step) const {
  const auto first = static_cast<double>(options_.warmup);
  const double last = static_cast<double>(total_steps_) - 1.0;
  const double progress = last > first ? std::clamp((step - first) / (last - first), 0.0, 1.0) : 0.0;
  if (options_.type == "step") {
    const double epoch = std::floor(step / static_cast<double>(steps_per_epoch_));
    return std::pow(options_.gamma, std::floor(epoch / static_cast<double>(options_.every)));
  }
  if (options_.type == "cosine") return cosine_between(1.0, options_.final_factor, progress);
  if (options_.type == "one_cycle") return one_cycle(options_, progress);
  if (options_.type == "polynomial")
    return options_.final_factor + (1.0 - options_.final_factor) * std::pow(1.0 - progress, options_.power);
  return plateau_factor_;  // plateau; 1 for constant
}

void Schedule::epoch_ended(double monitored, bool lower_is_better) {
  if (options_.type != "plateau") return;
  const double margin = options_.threshold * std::abs(best_);
  const bool better = lower_is_better ? monitored < best_ - margin : monitored > best_ + margin;
  if (std::isfinite(monitored) && (!has_best_ || better)) {
    best_ = monitored;
    has_best_ = true;
    bad_epochs_ = 0;
    return;
  }
  if (++bad_epochs_ <= options_.patience) return;
  plateau_factor_ = std::max(options_.min_factor, plateau_factor_ * options_.gamma);
  bad_epochs_ = 0;
}

Node Schedule::state() const {
  PlateauState state{plateau_factor_, std::nullopt, bad_epochs_};
  if (has_best_) state.best = best_;
  return write_options(state);
}

void Schedule::load_state(const Node& state) {
  const auto loaded = read_options<PlateauState>(state);
  plateau_factor_ = loaded.factor;
  has_best_ = loaded.best.has_value();
  best_ = loaded.best.value_or(0.0);
  bad_epochs_ = loaded.bad_epochs;
}

}  // namespace polytask
