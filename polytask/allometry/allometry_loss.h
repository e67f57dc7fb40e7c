#pragma once
#include <polytask/allometry/law.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace polytask {

/// Heights (m) and biomass below it count as this where their logarithm is taken.
constexpr double kLeastLogged = 1e-6;

/// What the mean of the loss runs over.
enum class AllometryAverage { pixels, active };

/// Parameters of a law for the classes of a genus task.
struct AllometryParameters {
  const Law* law = nullptr;
  std::vector<at::Tensor> values;  ///< one [C] for each of the law's parameters, in its order
};

/// Parameters from values[class][parameter], as double on the CPU.
AllometryParameters make_parameters(const Law& law, const std::vector<std::vector<double>>& values);

/// log B_allo = Σ_c p_c f_c(log H): the mean, over the classes' probabilities [B, C, H, W], of what the law says for
/// each class of `log_height` [B, H, W]. Parameters are of the same type and on the same device.
at::Tensor log_biomass_mixture(const AllometryParameters& parameters, const at::Tensor& probabilities,
                               const at::Tensor& log_height);

struct AllometryLoss {
  at::Tensor value;      ///< scalar with graph; undefined where no pixel has data
  at::Tensor residual;   ///< log B − log B_allo [B, H, W], with graph; 0 where the pixel does not count
  int64_t averaged = 0;  ///< pixels that the mean runs over
  int64_t active = 0;    ///< pixels above the height threshold
  int64_t clamped = 0;   ///< of those, how many have biomass at or below 1e-6, hence no gradient to it
};

/// mean of 1[H > min_height] (log max(B, 1e-6) − log B_allo)² over all pixels with data (`pixels`) or over those above
/// the threshold alone (`active`; 0 where there is none). `probabilities` [B, C, H, W]; `height_m`, `biomass` and
/// `observed` (bool, false: no data; may be undefined) [B, H, W]. The indicator carries no gradient; values and
/// gradients are finite for any finite H and B, in float32 too.
AllometryLoss allometry_loss(const AllometryParameters& parameters, const at::Tensor& probabilities,
                             const at::Tensor& height_m, const at::Tensor& biomass, const at::Tensor& observed,
                             double min_height_m, AllometryAverage average);

}  // namespace polytask
