#include <polytask/balancing/gram/config.h>
#include <polytask/balancing/gram/register.h>
#include <polytask/balancing/gram/unit_gram.h>

#include <cmath>
#include <memory>

namespace polytask {
namespace {

const double kRankTolerance = 4;    // in units of R ε
const double kLeastCovered = 1e-7;  // part of the preference in the range of C

}  // namespace

void ConfigOptions::fields(Fields& f) {
  f.field("preference", preference,
          "proportions of the cosines between the step and the gradients, in the order of the tasks; default: all the "
          "same");
}

Config::Config(const ConfigOptions& options) : preference_("config", options.preference) {}

void Config::setup(const std::vector<TaskInfo>& tasks) { preference_.setup(tasks); }

GramWeights Config::weigh(const GramState& gram, const LossState&) {
  const auto preference = preference_.of(gram.tasks, 1);
  GramWeights weights;
  weights.w.assign(preference.size(), 0.0);
  unit_gram(gram.gram, units_, norms_);
  weights.solver.solved = inverse_.solve(units_, preference, kRankTolerance, y_);
  if (!(inverse_.covered() > kLeastCovered)) return weights;
  double square = 0, projections = 0;
  for (size_t i = 0; i < y_.size(); ++i) {
    double along = 0;
    for (size_t j = 0; j < y_.size(); ++j) along += units_(static_cast<int64_t>(i), static_cast<int64_t>(j)) * y_[j];
    square += y_[i] * along;
    projections += norms_[i] * along;
  }
  if (!(square > 0)) return weights;
  for (size_t i = 0; i < y_.size(); ++i)
    if (norms_[i] > 0) weights.w[i] = projections / square * y_[i] / norms_[i];
  return weights;
}

void register_config(BalancerRegistry& registry) {
  add_gram_weighting<ConfigOptions>(registry, "config", "The direction with equal cosines to all gradients (ConFIG)",
                                    "Liu, Chu, Thuerey, ICLR 2025, equation 2",
                                    [](const ConfigOptions& options) { return std::make_unique<Config>(options); });
}

}  // namespace polytask
