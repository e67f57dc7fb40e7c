#pragma once
#include <polytask/core/random.h>

#include <balancing/support.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

namespace polytask {

inline Weights weigh(Balancer& balancer, const LossState& state) { return weighting_of(balancer).weigh(state, true); }
inline Weights weigh(Balancer& balancer, const std::vector<double>& losses) {
  return weigh(balancer, LossState::of(losses));
}

inline void expect_close(const std::vector<double>& got, const std::vector<double>& expected, double relative = 1e-12) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i)
    EXPECT_NEAR(got[i], expected[i], relative * std::max(1.0, std::abs(expected[i]))) << "entry " << i;
}

inline void expect_finite(const Weights& weights) {
  for (double w : weights.w) EXPECT_TRUE(std::isfinite(w)) << w;
  EXPECT_TRUE(std::isfinite(weights.objective)) << weights.objective;
}

/// The weights are the gradient of the objective, by central differences of evaluations.
inline void expect_gradient_of_objective(Balancer& balancer, const LossState& state, double relative = 1e-6) {
  const auto w = balancer.evaluate(state).w;
  for (size_t t = 0; t < w.size(); ++t) {
    LossState up = state, down = state;
    const double h = 1e-6 * std::max(1e-3, std::abs(state.losses[t]));
    up.losses[t] += h;
    down.losses[t] -= h;
    const double slope = (balancer.evaluate(up).objective - balancer.evaluate(down).objective) / (2 * h);
    EXPECT_NEAR(w[t], slope, relative * std::max(1.0, std::abs(slope))) << "task " << t;
  }
}

inline std::vector<double> random_losses(Random& random, size_t tasks, double spread = 1) {
  std::vector<double> losses;
  for (size_t t = 0; t < tasks; ++t) losses.push_back(std::exp(spread * random.normal()));
  return losses;
}

/// One step of a run, its weights. All that differs between steps comes from `step`.
using LossStep = std::function<Weights(Balancer& balancer, int step)>;

/// Saving, loading into another and going on gives, bit for bit, what going on without does, wherever it happens.
inline void expect_exact_resume(const std::string& yaml, size_t tasks, int steps, const LossStep& step) {
  for (int saved = 0; saved < steps; saved += 3) {
    const auto straight = make_balancer(yaml, numbered_tasks(tasks)),
               first = make_balancer(yaml, numbered_tasks(tasks)), resumed = make_balancer(yaml, numbered_tasks(tasks));
    for (int i = 0; i < saved; ++i) {
      step(*straight, i);
      step(*first, i);
    }
    NamedTensors copy;
    for (const auto& [name, tensor] : first->method().state()) copy[name] = tensor.clone();
    step(*first, saved);  // what was saved is no view of what goes on
    resumed->method().load_state(copy);
    for (int i = saved; i < steps; ++i) {
      const Weights expected = step(*straight, i), got = step(*resumed, i);
      EXPECT_EQ(got.w, expected.w) << "saved after " << saved << " steps, step " << i;
      EXPECT_EQ(got.objective, expected.objective);
      EXPECT_EQ(got.shown, expected.shown);
    }
  }
}

}  // namespace polytask
