#include <polytask/allometry/correction.h>
#include <polytask/core/error.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace polytask {
namespace {

constexpr std::array<const char*, 4> kNames = {"none", "baskerville", "duan", "snowdon"};

}  // namespace

std::vector<std::string> correction_names() { return {kNames.begin(), kNames.end()}; }

Correction correction_named(const std::string& name, const std::string& where) {
  const auto* found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end())
    throw InputError("{}: unknown correction \"{}\"; expected {}", where, name, fmt::join(kNames, ", "));
  return static_cast<Correction>(found - kNames.begin());
}

std::string to_text(Correction correction) { return kNames[static_cast<size_t>(correction)]; }

double factor_of(const BackTransform& factors, Correction correction) {
  switch (correction) {
    case Correction::none:
      return 1;
    case Correction::baskerville:
      return factors.baskerville;
    case Correction::duan:
      return factors.duan;
    case Correction::snowdon:
      return factors.snowdon;
  }
  return 1;
}

}  // namespace polytask
