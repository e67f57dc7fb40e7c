#pragma once
#include <polytask/data/sources/normal_stream.h>

namespace polytask {

/// A canopy as the water-cloud model sees it, in one polarisation.
struct WaterCloud {
  float vegetation = 0;   ///< A: power of an opaque canopy at V = 1
  float exponent = 0;     ///< E: how that grows with V
  float attenuation = 0;  ///< B: per unit of V
};

/// Backscatter σ° in linear power: A V^E cos θ (1 − τ²) + σ_soil τ², with τ² = exp(−2 B V / cos θ) the two-way
/// attenuation (Attema and Ulaby 1978, Radio Science 13:357; the factor V^E as in Prévot et al. 1993, Remote Sens.
/// Environ. 46:331). It saturates with V but for V^E; V = 0 gives the soil's. `volume` ≥ 0: V, `cosine`: cos θ in (0,
/// 1].
float water_cloud(const WaterCloud& canopy, float volume, float soil, float cosine);

/// Multiplicative speckle of intensities averaged over L looks: gamma distributed with mean 1 and variance 1 / L.
/// (Marsaglia and Tsang 2000, ACM Trans. Math. Softw. 26:363.)
class Speckle {
 public:
  /// `looks` ≥ 1.
  Speckle(double looks, Random random);
  float draw();

 private:
  NormalStream stream_;
  float shape_, spread_;
};

}  // namespace polytask
