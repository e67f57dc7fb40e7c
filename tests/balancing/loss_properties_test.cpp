#include <balancing/loss_support.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <limits>

namespace polytask {
namespace {

const double kNan = std::numeric_limits<double>::quiet_NaN();

/// Every loss weighting in every form of it, treating all tasks alike.
const std::vector<std::string>& weightings() {
  static const std::vector<std::string> list = {"method: equal",
                                                "method: equal, normalize: mean",
                                                "method: geometric",
                                                "method: scale_invariant",
                                                "method: scale_invariant, convention: samsung",
                                                "method: random",
                                                "method: uncertainty",
                                                "method: uncertainty, form: simple",
                                                "method: uncertainty, form: softplus_reg",
                                                "method: dwa",
                                                "method: dwa, convention: torchjd",
                                                "method: dwa, convention: nash, window: 2",
                                                "method: imtl_l, initial_log_scales: 0.5",
                                                "method: stch, warmup: 1",
                                                "method: stch, form: plain, mu: 0.3",
                                                "method: cosmos, weights: 1",
                                                "method: pbi",
                                                "method: famo",
                                                "method: dtp"};
  return list;
}

/// The same normal for every task, so that `random`, too, treats all alike.
class EqualDraws : public GivenNormals {
 public:
  EqualDraws() : GivenNormals({}) {}
  std::vector<double> normals(const std::string&, int64_t n) override {
    return std::vector<double>(static_cast<size_t>(n), 0.5);
  }
};

/// What the steps of a run are given; everything [step][task].
struct Run {
  std::vector<std::vector<double>> losses, later, kpis;
  std::vector<std::vector<char>> present;

  Run(uint64_t seed, size_t tasks, size_t steps, double spread, double share_present) {
    Random random(seed, "run");
    for (size_t i = 0; i < steps; ++i) {
      for (auto* list : {&losses, &later, &kpis}) list->emplace_back();
      present.emplace_back();
      for (size_t t = 0; t < tasks; ++t) {
        losses.back().push_back(std::exp(random.uniform(-spread, spread)));
        later.back().push_back(std::exp(random.uniform(-spread, spread)));
        kpis.back().push_back(random.uniform());
        present.back().push_back(random.uniform() < share_present ? 1 : 0);
      }
    }
  }
  /// The same with the tasks named here, in this order; indices may be fewer.
  Run of(const std::vector<size_t>& tasks) const {
    Run part = *this;
    for (size_t i = 0; i < losses.size(); ++i) {
      part.losses[i] = pick(losses[i], tasks);
      part.later[i] = pick(later[i], tasks);
      part.kpis[i] = pick(kpis[i], tasks);
      part.present[i] = pick(present[i], tasks);
    }
    return part;
  }
  template <class Value>
  static std::vector<Value> pick(const std::vector<Value>& values, const std::vector<size_t>& which) {
    std::vector<Value> result;
    for (size_t i : which) result.push_back(values[i]);
    return result;
  }

  /// The weights of every step, three steps an epoch.
  std::vector<Weights> weights_of(const std::string& method) const {
    const auto balancer = make_balancer("{" + method + "}", numbered_tasks(losses.front().size()));
    EqualDraws draws;
    LossState state = LossState::of(losses.front());
    state.draws = &draws;
    std::vector<Weights> result;
    for (size_t i = 0; i < losses.size(); ++i) {
      state.step = static_cast<int64_t>(i);
      state.epoch = static_cast<int64_t>(i / 3);
      if (i % 3 == 0 && i > 0) state.epoch_losses.push_back(epoch_means(i - 3));
      state.losses = hidden(losses[i], present[i]);
      state.kpis = hidden(kpis[i], present[i]);
      state.present = present[i];
      result.push_back(weigh(*balancer, state));
      LossState after = state;
      after.losses = hidden(later[i], present[i]);
      balancer->method().after_step(after);
    }
    return result;
  }

 private:
  static std::vector<double> hidden(std::vector<double> values, const std::vector<char>& present) {
    for (size_t t = 0; t < values.size(); ++t)
      if (!present[t]) values[t] = kNan;
    return values;
  }
  std::vector<double> epoch_means(size_t first) const {
    std::vector<double> means;
    for (size_t t = 0; t < losses.front().size(); ++t) {
      double sum = 0, count = 0;
      for (size_t i = first; i < first + 3; ++i) {
        if (!present[i][t]) continue;
        sum += losses[i][t];
        count += 1;
      }
      means.push_back(sum / count);  // NaN where there was none
    }
    return means;
  }
};

const double kThirtyDecades = 69;  // e^69 = 10^30

RC_GTEST_PROP(LossWeightingProperties, WeightsAreFiniteAndZeroWhereAbsent, ()) {
  const auto tasks = static_cast<size_t>(*rc::gen::inRange(1, 41));
  const Run run(*rc::gen::arbitrary<uint64_t>(), tasks, 12, kThirtyDecades, 0.6);
  for (const auto& method : weightings()) {
    const auto steps = run.weights_of(method);
    for (size_t i = 0; i < steps.size(); ++i) {
      RC_ASSERT(std::isfinite(steps[i].objective));
      RC_ASSERT(steps[i].w.size() == tasks);
      for (size_t t = 0; t < tasks; ++t) {
        RC_ASSERT(std::isfinite(steps[i].w[t]));
        RC_ASSERT(run.present[i][t] || steps[i].w[t] == 0);
      }
      for (const auto& [name, values] : steps[i].shown)
        for (double value : values) RC_ASSERT(std::isfinite(value));
    }
  }
}

RC_GTEST_PROP(LossWeightingProperties, TasksThatAreNeverThereChangeNothing, ()) {
  const auto tasks = static_cast<size_t>(*rc::gen::inRange(2, 13));
  Run run(*rc::gen::arbitrary<uint64_t>(), tasks, 12, 5, 0.8);
  std::vector<size_t> some;
  for (size_t t = 0; t < tasks; ++t)
    if (t == tasks / 2 || *rc::gen::arbitrary<bool>()) some.push_back(t);
  for (auto& present : run.present)
    for (size_t t = 0; t < tasks; ++t)
      if (std::find(some.begin(), some.end(), t) == some.end()) present[t] = 0;
  for (const auto& method : weightings()) {
    const auto all = run.weights_of(method), part = run.of(some).weights_of(method);
    for (size_t i = 0; i < all.size(); ++i) {
      RC_ASSERT(Run::pick(all[i].w, some) == part[i].w);
      RC_ASSERT(all[i].objective == part[i].objective);
    }
  }
}

RC_GTEST_PROP(LossWeightingProperties, TheOrderOfTasksDoesNotMatter, ()) {
  const auto tasks = static_cast<size_t>(*rc::gen::inRange(2, 13));
  const auto seed = *rc::gen::arbitrary<uint64_t>();
  const Run run(seed, tasks, 12, 5, 0.8);
  std::vector<size_t> order;
  for (int64_t t : Random(seed).permutation(static_cast<int64_t>(tasks))) order.push_back(static_cast<size_t>(t));
  for (const auto& method : weightings()) {
    const auto straight = run.weights_of(method), shuffled = run.of(order).weights_of(method);
    for (size_t i = 0; i < straight.size(); ++i) {
      const auto expected = Run::pick(straight[i].w, order);
      double size = 1e-3;
      for (double w : expected) size = std::max(size, std::abs(w));
      for (size_t t = 0; t < tasks; ++t) RC_ASSERT(std::abs(shuffled[i].w[t] - expected[t]) <= 1e-9 * size);
    }
  }
}

// One task alone is trained on its own loss or its logarithm, times a factor that the method may have learnt.
RC_GTEST_PROP(LossWeightingProperties, OneTaskIsTrainedAsItIs, ()) {
  const Run run(*rc::gen::arbitrary<uint64_t>(), 1, 12, 10, 1);  // far above the ε of stch
  for (const auto& method : weightings()) {
    const auto steps = run.weights_of(method);
    for (size_t i = 0; i < steps.size(); ++i) {
      RC_ASSERT(steps[i].w[0] > 0);
      const bool alone = method.find("uncertainty") == std::string::npos &&
                         method.find("imtl_l") == std::string::npos && method.find("dtp") == std::string::npos;
      const bool logarithm =
          method.find("scale_invariant") != std::string::npos || method.find("warmup") != std::string::npos;
      const double loss = run.losses[i][0], shift = method.find("samsung") != std::string::npos ? 1 : 0;
      if (alone) RC_ASSERT(std::abs(steps[i].w[0] * (logarithm ? loss + shift : 1) - 1) < 1e-9);
    }
  }
}

}  // namespace
}  // namespace polytask
