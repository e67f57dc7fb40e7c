#include <polytask/allometry/parameters.h>
#include <polytask/core/error.h>
#include <polytask/core/suggest.h>
#include <polytask/io/json.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace polytask {
namespace {

const Node& member(const Node& node, const std::string& key, const std::string& source) {
  const Node* found = node.find(key);
  if (found != nullptr) return *found;
  std::vector<std::string> keys;
  for (const auto& [name, value] : node.entries()) keys.push_back(name);
  throw InputError("{}: \"{}\" is missing{}", node.path.empty() || node.place.file.empty() ? source : node.where(), key,
                   nearest(key, keys).empty() ? "" : did_you_mean(key, keys));
}

const std::string& text_of(const Node& node) {
  if (!node.is_scalar()) throw InputError("{}: expected a text", node.where());
  return node.text();
}

double finite(const Node& node) {
  const double value = json_number(node);
  if (!std::isfinite(value)) throw InputError("{}: {} is no finite number", node.where(), node.text());
  return value;
}

Matrix covariance_of(const Node& genus, int64_t size) {
  const Node* rows = genus.find("covariance");
  if (rows == nullptr || rows->is_null()) return {};
  Matrix covariance(size, size);
  const auto check = [&](const Node& node) {
    if (!node.is_sequence() || static_cast<int64_t>(node.items().size()) != size)
      throw InputError("{}: expected {} entries", node.where(), size);
  };
  check(*rows);
  for (int64_t i = 0; i < size; ++i) {
    const Node& row = rows->items()[static_cast<size_t>(i)];
    check(row);
    for (int64_t j = 0; j < size; ++j) {
      const Node& entry = row.items()[static_cast<size_t>(j)];
      covariance(i, j) = entry.is_null() ? std::numeric_limits<double>::quiet_NaN() : finite(entry);
    }
  }
  return covariance;
}

double factor(const Node& factors, const char* name) {
  const Node* node = factors.find(name);
  if (node == nullptr || node->is_null()) return BackTransform::kUnknown;
  const double value = finite(*node);
  if (value <= 0) throw InputError("{}: {}: a factor must be above 0", node->where(), node->text());
  return value;
}

// Of a genus or a pooled line; what it does not say is as in `otherwise`.
BackTransform factors_of(const Node& curve, const BackTransform& otherwise) {
  const Node* factors = curve.find("factors");
  if (factors == nullptr || factors->is_null()) return otherwise;
  if (!factors->is_map()) throw InputError("{}: expected a map of factors", factors->where());
  const auto known = [&](const char* name, double other) {
    const double value = factor(*factors, name);
    return std::isnan(value) ? other : value;
  };
  return {known("baskerville", otherwise.baskerville), known("duan", otherwise.duan),
          known("snowdon", otherwise.snowdon)};
}

BackTransform factors_of_all(const Node& root) {
  for (const char* key : {"fixed_effects", "pooled_line"})
    if (const Node* line = root.find(key); line != nullptr && line->is_map()) return factors_of(*line, {});
  return {};
}

GenusParameters genus_of(const Law& law, const std::string& name, const Node& node, const std::string& source,
                         const BackTransform& factors_of_all_rows) {
  if (!node.is_map()) throw InputError("{}: expected a map of parameters", node.where());
  GenusParameters genus;
  genus.name = name;
  genus.where = node.place.file.empty() ? fmt::format("{}: genera.{}", source, name) : node.where();
  for (const auto& parameter : law.parameter_names())
    genus.values.push_back(finite(member(node, parameter, genus.where)));
  if (law.has_shape() && genus.values.back() <= 0)
    throw InputError("{}: must be above 0 m", node.find(law.parameter_names().back())->where());
  genus.covariance = covariance_of(node, law.columns() + 1);
  genus.factors = factors_of(node, factors_of_all_rows);
  return genus;
}

}  // namespace

std::string canonical_unit(const std::string& unit) { return unit == "t/ha" ? "Mg/ha" : unit; }

LawParameters parse_parameters(const Node& root, const std::string& source, const std::string& law) {
  if (!root.is_map()) throw InputError("{}: no parameter file: expected a map with \"law\" and \"genera\"", source);
  LawParameters parameters;
  parameters.source = source;
  const Node& form = member(root, "law", source);
  parameters.law = &law_named(text_of(form), form.where());
  if (!law.empty() && law != parameters.law->name())
    throw InputError("{}: holds parameters of the {} law, but the {} law is asked for", form.where(),
                     parameters.law->name(), law);
  const Node& units = member(root, "units", source);
  const Node& height = member(units, "height", source);
  if (text_of(height) != "m") throw InputError("{}: heights must be in m, not \"{}\"", height.where(), height.text());
  parameters.biomass_unit = canonical_unit(text_of(member(units, "biomass", source)));
  parameters.min_height_m = finite(member(root, "min_height_m", source));
  const Node& genera = member(root, "genera", source);
  if (!genera.is_map() || genera.entries().empty()) throw InputError("{}: expected a map of genera", genera.where());
  const BackTransform factors = factors_of_all(root);
  for (const auto& [name, node] : genera.entries())
    parameters.genera.push_back(genus_of(*parameters.law, name, node, source, factors));
  return parameters;
}

std::vector<GenusParameters> parameters_of(const LawParameters& parameters, const std::vector<std::string>& classes) {
  std::vector<GenusParameters> result;
  std::vector<std::string> missing, falling, known;
  for (const auto& genus : parameters.genera) known.push_back(genus.name);
  for (const auto& name : classes) {
    const auto found = std::find_if(parameters.genera.begin(), parameters.genera.end(),
                                    [&](const GenusParameters& genus) { return genus.name == name; });
    if (found == parameters.genera.end()) {
      const std::string near = nearest(name, known);
      missing.push_back(near.empty() ? name : fmt::format("{} (did you mean \"{}\"?)", name, near));
      continue;
    }
    if (parameters.law->needs_positive_beta() && found->values[1] <= 0)
      falling.push_back(fmt::format("{}: beta = {:.6g}", found->where, found->values[1]));
    result.push_back(*found);
  }
  if (!missing.empty())
    throw InputError("{}: has no parameters for {} of {} classes: {}; it knows {}", parameters.source, missing.size(),
                     classes.size(), fmt::join(missing, ", "), fmt::join(known, ", "));
  if (!falling.empty())
    throw InputError("{}: the {} law needs beta > 0, so that biomass grows with height", fmt::join(falling, "; "),
                     parameters.law->name());
  return result;
}

void correct(std::vector<GenusParameters>& genera, Correction correction, const std::string& source) {
  std::vector<std::string> unknown;
  for (auto& genus : genera) {
    const double factor = factor_of(genus.factors, correction);
    if (std::isnan(factor)) unknown.push_back(genus.name);
    genus.values[0] += std::log(factor);
  }
  if (!unknown.empty())
    throw InputError("{}: correction {} is asked for, but it has no such factor for {}", source, to_text(correction),
                     fmt::join(unknown, ", "));
}

void check_biomass_unit(const LawParameters& parameters, const std::string& unit, const std::string& used_by) {
  if (canonical_unit(unit) == parameters.biomass_unit) return;
  throw InputError(
      "{}: its parameters are for biomass in {}, but {} is in {}; a fit of trees (kg a tree) is not valid for raster "
      "cells (Mg/ha): fit from the rasters themselves",
      parameters.source, parameters.biomass_unit, used_by, unit.empty() ? "no stated unit" : unit);
}

}  // namespace polytask
