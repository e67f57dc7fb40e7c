#pragma once
#include <polytask/balancing/gram_weighting.h>
#include <polytask/balancing/method.h>
#include <polytask/core/node.h>
#include <polytask/core/options.h>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace polytask {

struct CrmogmOptions {
  double alpha = 0.9;
  Node inner;  ///< a balancing section
  void fields(Fields& f);
};

/// A moving average of weights for each task, w_k = α w_{k−1} + (1−α) ŵ_k, w_1 = ŵ_1; a task that is absent keeps its
/// old value.
class SmoothedWeights {
 public:
  explicit SmoothedWeights(double alpha) : alpha_(alpha) {}
  void setup(size_t tasks);
  double next(int64_t task, double weight) const;
  void keep(int64_t task, double weight);
  /// The state of the wrapped method under "inner.", and "weights" [T], NaN where none were given yet.
  NamedTensors state(const NamedTensors& inner) const;
  /// Returns the part of the wrapped method.
  NamedTensors load_state(const NamedTensors& state);

 private:
  double alpha_;
  std::vector<double> weights_;
};

/// Smooths the weights of a loss weighting. The objective is Σ w_t L_t. Learnable scales of the wrapped method get the
/// gradients that they get without the wrapper. Evaluation gives the weights that the next step would have.
/// Source: Zhou et al., On the Convergence of Stochastic Multi-Objective Gradient Manipulation and Beyond, NeurIPS
/// 2022.
class CrmogmLossWeighting : public LossWeighting {
 public:
  CrmogmLossWeighting(std::unique_ptr<LossWeighting> inner, double alpha) : inner_(std::move(inner)), smooth_(alpha) {}
  void setup(const std::vector<TaskInfo>& tasks) override;
  Needs needs() const override { return inner_->needs(); }
  NamedTensors parameters() override { return inner_->parameters(); }
  void after_step(const LossState& state) override { inner_->after_step(state); }
  NamedTensors state() const override { return smooth_.state(inner_->state()); }
  void load_state(const NamedTensors& state) override { inner_->load_state(smooth_.load_state(state)); }
  Weights weigh(const LossState& state, bool train) override;

 private:
  std::unique_ptr<LossWeighting> inner_;
  SmoothedWeights smooth_;
};

/// Smooths the weights of a Gram weighting; what it shows stays, and so do factors of its own for the heads. Heads that
/// receive their weight receive the smoothed one.
class CrmogmGramWeighting : public GramWeighting {
 public:
  CrmogmGramWeighting(std::unique_ptr<GramWeighting> inner, double alpha) : inner_(std::move(inner)), smooth_(alpha) {}
  void setup(const std::vector<TaskInfo>& tasks) override;
  Needs needs() const override { return inner_->needs(); }
  NamedTensors parameters() override { return inner_->parameters(); }
  void after_step(const LossState& state) override { inner_->after_step(state); }
  NamedTensors state() const override { return smooth_.state(inner_->state()); }
  void load_state(const NamedTensors& state) override { inner_->load_state(smooth_.load_state(state)); }
  HeadGradient heads() const override { return inner_->heads(); }
  GramWeights weigh(const GramState& gram, const LossState& state) override;

 private:
  std::unique_ptr<GramWeighting> inner_;
  SmoothedWeights smooth_;
};

}  // namespace polytask
