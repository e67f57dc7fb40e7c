#pragma once
#include <balancing/golden/harness.h>

#include <string>
#include <utility>

namespace polytask {

/// In runs of the tiny network `weights_per_step` is what the peer's method returns for the log, which is not always
/// dLoss/dL_t: IMTL returns α before scaling, GradVac returns ones. What they applied shows in the parameters.
inline void give_logged_weights(const GoldenCase& one, GoldenResult& result) {
  if (!one.has("data")) return;
  if (one.method() == "GradVac") result["weights_per_step"].assign(result["weights_per_step"].size(), 1.0);
  if (one.method() == "IMTL") result["weights_per_step"] = result.at("alpha_per_step");
}

/// What the heads got, for comparison, though no case requires it.
inline void give_head_factors(GoldenResult& result) {
  for (const std::string suffix : {"", "_per_step"}) {
    const auto heads = result.find("heads" + suffix);
    if (heads != result.end()) result.insert({"decoder_grad_scale" + suffix, heads->second});
  }
}

/// The methods, their results completed by the names that peers use.
inline GoldenMethods completed(GoldenMethods methods) {
  for (auto& [name, method] : methods)
    method = [inner = std::move(method)](const GoldenCase& one) {
      GoldenResult result = inner(one);
      give_logged_weights(one, result);
      give_head_factors(result);
      return result;
    };
  return methods;
}

}  // namespace polytask
