#include <polytask/allometry/law.h>
#include <polytask/allometry/laws/laws.h>
#include <polytask/core/error.h>
#include <polytask/core/suggest.h>

#include <cmath>
#include <memory>
#include <utility>

namespace polytask {
namespace {

const std::vector<std::unique_ptr<Law>>& laws() {
  static const auto all = [] {
    std::vector<std::unique_ptr<Law>> list;
    list.push_back(make_power_law());
    list.push_back(make_quadratic_law());
    list.push_back(make_segmented_law());
    list.push_back(make_asymptotic_law());
    return list;
  }();
  return all;
}

}  // namespace

Law::Law(std::string name, std::string formula, std::vector<std::string> parameter_names, bool has_shape,
         bool needs_positive_beta)
    : name_(std::move(name)),
      formula_(std::move(formula)),
      parameter_names_(std::move(parameter_names)),
      has_shape_(has_shape),
      needs_positive_beta_(needs_positive_beta) {}

std::vector<double> Law::shapes(double, double, int) const { return {0}; }

std::vector<std::string> law_names() {
  std::vector<std::string> names;
  for (const auto& law : laws()) names.push_back(law->name());
  return names;
}

const Law& law_named(const std::string& name, const std::string& where) {
  for (const auto& law : laws())
    if (law->name() == name) return *law;
  throw InputError("{}: unknown law \"{}\"{}", where, name, did_you_mean(name, law_names()));
}

std::vector<double> even_in_logarithm(double lowest, double highest, int count) {
  std::vector<double> values;
  values.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i)
    values.push_back(lowest * std::pow(highest / lowest, count == 1 ? 0.5 : static_cast<double>(i) / (count - 1)));
  return values;
}

}  // namespace polytask
