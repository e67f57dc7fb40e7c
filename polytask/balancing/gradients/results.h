#pragma once
#include <polytask/balancing/balancer.h>
#include <polytask/balancing/gram_weighting.h>

#include <optional>
#include <string>
#include <vector>

namespace polytask {

class GradientEngine;

// What Gram weightings and combiners have in common once a step's weights are known.

/// WorkError where losses and marks of presence differ in number.
void check_sizes(const BackwardContext& context, const LossState& state);
/// The state that a gradient method sees: of the `tasks` that take part, with their mean losses over the step's
/// batches.
LossState state_of_rows(const LossState& state, const std::vector<int64_t>& tasks, const std::vector<double>& losses);
/// Factor of each head's own gradient [R]: as the user chose, else as the weights say, else the method's choice.
std::vector<double> head_factors(const GramWeights& weights, HeadGradient choice,
                                 const std::optional<std::string>& chosen_by_user);
/// Spreads [R] figures to all T tasks, 0 where absent; the objective is the plain sum of the present losses.
void fill_weights(const GramWeights& weights, const std::vector<int64_t>& tasks, const LossState& state,
                  Weights& result);
/// The step of a frozen encoder (GradientEngine::is_frozen): every head by its own gradient, weights of 1.
Weights train_heads(GradientEngine& engine, const LossState& state);
/// Weights of 1 and the sum of the present losses: gradient methods minimise no scalar.
Weights plain_sum(const LossState& state);
/// Norms of the tasks' gradients [T]; NaN where absent.
std::vector<double> norms_of(const GramState& gram);
/// Tasks whose row of M is not finite.
std::vector<int64_t> not_finite_rows(const GramState& gram);

}  // namespace polytask
