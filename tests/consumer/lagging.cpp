#include <polytask/balancing/balancer.h>
#include <polytask/balancing/weighting/tasks.h>
#include <polytask/core/error.h>

#include <ATen/ops/tensor.h>

#include <cmath>
#include <limits>
#include <memory>
#include <utility>

namespace polytask {
namespace {

struct LaggingOptions {
  double strength = 1;
  double epsilon = 0;
  void fields(Fields& f) {
    f.field("strength", strength, "0: equal weights; higher: more for who lags", at_least(0));
    f.field("epsilon", epsilon, "added to every loss, for losses that reach 0", at_least(0));
  }
};

/// A task whose loss has fallen less than the others' counts more: r_t = L_t / L_t(0), w_t = T r_t^α / Σ r^α over the T
/// present tasks, with the strength α, and L_t(0) the first loss that training saw of the task. Losses must be above
/// −ε. The rates r are those of Chen et al., GradNorm, ICML 2018, section 3.1; no gradient flows through the weights.
class Lagging : public LossWeighting {
 public:
  explicit Lagging(const LaggingOptions& options) : options_(options) {}

  void setup(const std::vector<TaskInfo>& tasks) override {
    names_ = task_names(tasks);
    first_.assign(tasks.size(), std::numeric_limits<double>::quiet_NaN());
  }

  Weights weigh(const LossState& state, bool train) override {
    check_setup("lagging", first_.size(), state);
    const auto tasks = present_tasks(state);
    std::vector<double> w(first_.size(), 0.0);  // absent tasks keep their 0
    double total = 0;
    for (size_t t : tasks) {
      const double log = log_loss("lagging", names_, state, t, options_.epsilon);
      if (train && std::isnan(first_[t])) first_[t] = log;
      w[t] = std::isnan(first_[t]) ? 1 : std::exp(options_.strength * (log - first_[t]));
      total += w[t];
    }
    for (size_t t : tasks) w[t] *= static_cast<double>(tasks.size()) / total;
    return weighted_sum(state, std::move(w));
  }

  NamedTensors state() const override { return {{"first_log_loss", at::tensor(first_, at::kDouble)}}; }
  void load_state(const NamedTensors& state) override {
    const at::Tensor first = state.at("first_log_loss").to(at::kDouble).contiguous();
    if (first.numel() != static_cast<int64_t>(first_.size()))
      throw InputError("lagging: the state is of {} tasks, not {}", first.numel(), first_.size());
    first_.assign(first.data_ptr<double>(), first.data_ptr<double>() + first.numel());
  }

 private:
  LaggingOptions options_;
  std::vector<std::string> names_;
  std::vector<double> first_;  // [T] log L_t(0), NaN where no loss was seen yet
};

}  // namespace

void register_lagging(BalancerRegistry& registry) {
  add_loss_weighting<LaggingOptions>(registry, "lagging", "More weight for tasks whose loss has fallen less.",
                                     "rates of Chen et al., GradNorm, ICML 2018",
                                     [](const LaggingOptions& options) { return std::make_unique<Lagging>(options); });
}

}  // namespace polytask
