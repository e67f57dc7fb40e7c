#include <polytask/balancing/weighting/dwa.h>
#include <polytask/balancing/weighting/per_task.h>
#include <polytask/balancing/weighting/register.h>
#include <polytask/balancing/weighting/tasks.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace polytask {
namespace {

const double kUnknown = std::numeric_limits<double>::quiet_NaN();

bool is_iterations(const std::string& convention) { return convention == "nash" || convention == "samsung"; }

std::string average_of(const std::string& convention) {
  if (is_iterations(convention)) return "iterations";
  return convention == "torchjd" ? "batches" : "samples";
}

}  // namespace

// Where the ratios r [T] come from; not finite where not known.
class Dwa::History {
 public:
  virtual ~History() = default;
  virtual void record(const LossState& state) { (void)state; }
  virtual std::vector<double> ratios(const LossState& state) const = 0;
  virtual NamedTensors state() const { return {}; }
  virtual void load_state(const NamedTensors& state) { (void)state; }
};

namespace {

// The epoch means that training keeps.
class GivenMeans : public Dwa::History {
 public:
  std::vector<double> ratios(const LossState& state) const override {
    const auto& epochs = state.epoch_losses;
    std::vector<double> ratios(state.losses.size(), kUnknown);
    if (epochs.size() < 2) return ratios;
    const auto &last = epochs.back(), &before = epochs[epochs.size() - 2];
    for (size_t t = 0; t < std::min({ratios.size(), last.size(), before.size()}); ++t) ratios[t] = last[t] / before[t];
    return ratios;
  }
};

// Means over an epoch's batches.
class BatchMeans : public Dwa::History {
 public:
  explicit BatchMeans(size_t tasks) : sums_(tasks, 0), counts_(tasks, 0), last_(tasks, kUnknown), before_(last_) {}

  void record(const LossState& state) override {
    advance(state.epoch);
    for (size_t t : present_tasks(state)) {
      sums_[t] += state.losses[t];
      counts_[t] += 1;
    }
  }
  std::vector<double> ratios(const LossState& state) const override {
    BatchMeans now = *this;
    now.advance(state.epoch);
    std::vector<double> ratios;
    for (size_t t = 0; t < sums_.size(); ++t) ratios.push_back(now.last_[t] / now.before_[t]);
    return ratios;
  }
  NamedTensors state() const override {
    return {{"epoch", state_tensor({static_cast<double>(epoch_)})},
            {"loss_sums", state_tensor(sums_)},
            {"loss_counts", state_tensor(counts_)},
            {"last_means", state_tensor(last_)},
            {"previous_means", state_tensor(before_)}};
  }
  void load_state(const NamedTensors& state) override {
    const size_t tasks = sums_.size();
    epoch_ = static_cast<int64_t>(state_values("dwa", state, "epoch", 1).front());
    sums_ = state_values("dwa", state, "loss_sums", tasks);
    counts_ = state_values("dwa", state, "loss_counts", tasks);
    last_ = state_values("dwa", state, "last_means", tasks);
    before_ = state_values("dwa", state, "previous_means", tasks);
  }

 private:
  // Closes the epochs up to this one; those without a batch have no means, and after two of them nothing is left.
  void advance(int64_t epoch) {
    const int64_t closed = epoch < epoch_ ? 3 : std::min<int64_t>(epoch - epoch_, 3);
    for (int64_t i = 0; i < closed; ++i) {
      before_ = last_;
      for (size_t t = 0; t < sums_.size(); ++t) last_[t] = sums_[t] / counts_[t];
      std::fill(sums_.begin(), sums_.end(), 0);
      std::fill(counts_.begin(), counts_.end(), 0);
    }
    epoch_ = epoch;
  }

  int64_t epoch_ = 0;
  std::vector<double> sums_, counts_, last_, before_;
};

// Means over the last and the previous W batches of each task.
class IterationMeans : public Dwa::History {
 public:
  IterationMeans(size_t tasks, int64_t window)
      : window_(static_cast<size_t>(window)), losses_(tasks, std::vector<double>(2 * window_, 1)), seen_(tasks, 0) {}

  void record(const LossState& state) override {
    for (size_t t : present_tasks(state)) {
      std::move(losses_[t].begin() + 1, losses_[t].end(), losses_[t].begin());
      losses_[t].back() = state.losses[t];
      seen_[t] += 1;
    }
  }
  std::vector<double> ratios(const LossState&) const override {
    std::vector<double> ratios;
    for (size_t t = 0; t < seen_.size(); ++t) {
      const auto middle = losses_[t].begin() + static_cast<std::ptrdiff_t>(window_);
      const double before = std::accumulate(losses_[t].begin(), middle, 0.0);
      const double last = std::accumulate(middle, losses_[t].end(), 0.0);
      ratios.push_back(seen_[t] > static_cast<double>(window_ + 1) ? last / before : kUnknown);
    }
    return ratios;
  }
  NamedTensors state() const override {
    std::vector<double> all;
    for (const auto& losses : losses_) all.insert(all.end(), losses.begin(), losses.end());
    return {{"window_losses", state_tensor(all)}, {"batches_seen", state_tensor(seen_)}};
  }
  void load_state(const NamedTensors& state) override {
    const auto all = state_values("dwa", state, "window_losses", 2 * window_ * losses_.size());
    auto next = all.begin();
    for (auto& losses : losses_)
      for (double& loss : losses) loss = *next++;
    seen_ = state_values("dwa", state, "batches_seen", seen_.size());
  }

 private:
  size_t window_;
  std::vector<std::vector<double>> losses_;  // [T][2 W], oldest first
  std::vector<double> seen_;                 // [T]
};

}  // namespace

void DwaOptions::fields(Fields& f) {
  f.field("convention", convention, "whose defaults for average and normalize",
          one_of({"paper", "libmtl", "torchjd", "nash", "samsung"}));
  f.field("tau", tau, "temperature: the higher, the more alike the weights", above(0));
  f.field("average", average,
          "what losses are compared by: samples: means of epochs, weighted by batch size; batches: means of epochs, "
          "every batch the same; iterations: means of the last `window` batches; default: the convention's, samples",
          one_of({"samples", "batches", "iterations"}));
  f.field("window", window, "batches in a mean of `average: iterations`", at_least(1));
  f.field("normalize", normalize,
          "sum: the weights sum to the number of present tasks; mean: to 1; default: the "
          "convention's, sum",
          one_of({"sum", "mean"}));
}

Dwa::Dwa(const DwaOptions& options)
    : options_(options),
      mean_(options.normalize.value_or(is_iterations(options.convention) ? "mean" : "sum") == "mean") {
  if (!options_.average) options_.average = average_of(options.convention);
  history_ = std::make_unique<GivenMeans>();
}

Dwa::~Dwa() = default;

void Dwa::setup(const std::vector<TaskInfo>& tasks) {
  tasks_ = tasks.size();
  if (options_.average == "batches") history_ = std::make_unique<BatchMeans>(tasks_);
  if (options_.average == "iterations") history_ = std::make_unique<IterationMeans>(tasks_, options_.window);
}

Needs Dwa::needs() const {
  Needs needs;
  needs.loss_history = options_.average == "samples";
  return needs;
}

Weights Dwa::weigh(const LossState& state, bool train) {
  check_setup("dwa", tasks_, state);
  const auto tasks = present_tasks(state);
  if (train) history_->record(state);
  const auto ratios = history_->ratios(state);
  std::vector<size_t> known;
  std::vector<double> logits;
  for (size_t t : tasks) {
    if (!std::isfinite(ratios[t] / options_.tau)) continue;
    known.push_back(t);
    logits.push_back(ratios[t] / options_.tau);
  }
  std::vector<double> lambda(state.losses.size(), 0.0);
  for (size_t t : tasks) lambda[t] = 1;
  const auto shares = softmax(logits);
  for (size_t i = 0; i < known.size(); ++i) lambda[known[i]] = static_cast<double>(known.size()) * shares[i];
  std::vector<double> w = lambda;
  if (mean_)
    for (double& weight : w) weight /= static_cast<double>(std::max<size_t>(tasks.size(), 1));
  Weights weights = weighted_sum(state, std::move(w));
  weights.shown["lambda"] = std::move(lambda);
  return weights;
}

NamedTensors Dwa::state() const { return history_->state(); }

void Dwa::load_state(const NamedTensors& state) { history_->load_state(state); }

void register_dwa(BalancerRegistry& registry) {
  add_loss_weighting<DwaOptions>(registry, "dwa", "Tasks whose loss falls slowly weigh more (DWA)",
                                 "Liu, Johns, Davison, End-to-End Multi-Task Learning with Attention, CVPR 2019, eq. 7",
                                 [](const DwaOptions& options) { return std::make_unique<Dwa>(options); });
}

}  // namespace polytask
