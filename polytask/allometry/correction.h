#pragma once
#include <limits>
#include <string>
#include <vector>

namespace polytask {

/// What exp(log B), the median, is to be multiplied by so that it is a mean. Stored beside the parameters, never mixed
/// into them. NaN where it is not known.
struct BackTransform {
  static constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  double baskerville = kUnknown;  ///< exp(σ²/2), Baskerville, Can. J. For. Res. 2, 1972: for normal residuals
  double duan = kUnknown;         ///< mean of exp(residual), Duan, J. Am. Stat. Assoc. 78, 1983: for any residuals
  double snowdon = kUnknown;      ///< ΣB / Σ exp(fitted), Snowdon, Can. J. For. Res. 21, 1991: ratio of the totals
};

/// Which of the factors is used where biomass is read off a law.
enum class Correction { none, baskerville, duan, snowdon };

/// none, baskerville, duan, snowdon.
std::vector<std::string> correction_names();
/// Throws InputError for an unknown name, saying `where`.
Correction correction_named(const std::string& name, const std::string& where);
std::string to_text(Correction correction);

/// 1 for `none`; NaN where the factor is not known.
double factor_of(const BackTransform& factors, Correction correction);

}  // namespace polytask
