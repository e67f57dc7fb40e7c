#include <polytask/core/error.h>
#include <polytask/core/options.h>
#include <polytask/data/sources/raster_classes.h>
#include <polytask/io/json.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <optional>
#include <set>

namespace polytask {
namespace {

using Table = std::map<double, std::string>;
constexpr double kCodeLimit = 16777216;  // 2²⁴, from where float32 has no longer all whole numbers
constexpr const char* kForms =
    "expected {code: name}, {name: code}, a list of names from code 0, or such tables by site";

std::optional<double> number_in(const std::string& text) {
  Node node = Node::scalar_of(text);
  try {
    return number_of(node);
  } catch (const InputError&) {
    return std::nullopt;
  }
}

bool is_number(const Node& node) { return node.is_scalar() && number_in(node.text()).has_value(); }

void add(Table& table, double code, const std::string& name, const Node& node) {
  if (name.empty()) throw InputError("{}: the class of code {} has no name", node.where(), number_text(code));
  if (std::abs(code) >= kCodeLimit)
    throw InputError(
        "{}: code {} of class \"{}\" is too large: pixels are read as float32, which tells whole numbers apart only "
        "below {}; number the classes anew",
        node.where(), number_text(code), name, number_text(kCodeLimit));
  if (!table.emplace(code, name).second)
    throw InputError("{}: code {} has two names, \"{}\" and \"{}\"", node.where(), number_text(code), table.at(code),
                     name);
}

// The node as one table; nothing where it is none.
std::optional<Table> table_in(const Node& node) {
  Table table;
  if (node.is_sequence()) {
    for (const auto& item : node.items()) {
      if (!item.is_scalar()) return std::nullopt;
      add(table, static_cast<double>(table.size()), item.text(), item);
    }
    return table;
  }
  if (!node.is_map() || node.entries().empty()) return std::nullopt;
  const auto& entries = node.entries();
  const bool by_code = std::all_of(entries.begin(), entries.end(), [](const auto& entry) {
    return number_in(entry.first).has_value() && entry.second.is_scalar();
  });
  const bool by_name = !by_code && std::all_of(entries.begin(), entries.end(),
                                               [](const auto& entry) { return is_number(entry.second); });
  if (!by_code && !by_name) return std::nullopt;
  for (const auto& [key, value] : entries) {
    if (by_code)
      add(table, *number_in(key), value.text(), value);
    else
      add(table, number_of(value), key, value);
  }
  return table;
}

// A site's table, which may stand beside other facts of the site.
std::optional<Table> table_of_site(const Node& node) {
  if (auto table = table_in(node)) return table;
  std::optional<Table> found;
  for (const auto& [key, value] : node.entries()) {
    auto table = value.is_map() || value.is_sequence() ? table_in(value) : std::nullopt;
    if (table && found) return std::nullopt;
    if (table) found = std::move(table);
  }
  return found;
}

Node read_classes(const Node& classes, const std::string& root) {
  if (!classes.is_scalar()) return classes;
  const auto below = std::filesystem::path(root) / classes.text();
  std::error_code ignored;
  return read_json_file(std::filesystem::exists(below, ignored) ? below : std::filesystem::path(classes.text()));
}

std::string known_codes(const Table& table) {
  std::vector<std::string> codes;
  for (const auto& [code, name] : table) codes.push_back(fmt::format("{} ({})", number_text(code), name));
  return fmt::format("{}", fmt::join(codes, ", "));
}

}  // namespace

RasterClasses::RasterClasses(const Node& classes, const std::vector<double>& ignore, const std::string& root)
    : ignore_(ignore) {
  if (classes.is_null()) return;
  const Node node = read_classes(classes, root);
  if (auto table = table_in(node)) {
    tables_[""] = std::move(*table);
  } else {
    for (const auto& [site, value] : node.entries()) {
      auto of_site = table_of_site(value);
      if (!of_site) throw InputError("{}: no table of classes: {}", value.where(), kForms);
      tables_[site] = std::move(*of_site);
    }
  }
  if (tables_.empty()) throw InputError("{}: no table of classes: {}", node.where(), kForms);
  add_names();
}

void RasterClasses::add_names() {
  const auto add_name = [this](const std::string& name) {
    if (index_.emplace(name, static_cast<int64_t>(names_.size())).second) names_.push_back(name);
  };
  if (tables_.size() == 1) {
    for (const auto& [code, name] : tables_.begin()->second) add_name(name);
    return;
  }
  std::set<std::string> sorted;
  for (const auto& [site, table] : tables_)
    for (const auto& [code, name] : table) sorted.insert(name);
  for (const auto& name : sorted) add_name(name);
}

const RasterClasses::Table& RasterClasses::table_of(const std::string& scene) const {
  const Table* best = nullptr;
  size_t longest = 0;
  std::vector<std::string> sites;
  for (const auto& [site, table] : tables_) {
    sites.push_back(site);
    if (scene.compare(0, site.size(), site) != 0 || (best != nullptr && site.size() < longest)) continue;
    best = &table;
    longest = site.size();
  }
  if (best == nullptr)
    throw InputError("scene \"{}\": its name begins with that of no site of the table of classes ({})", scene,
                     fmt::join(sites, ", "));
  return *best;
}

void RasterClasses::check_scene(const std::string& scene) const {
  if (!empty()) table_of(scene);
}

at::Tensor RasterClasses::without_ignored(const at::Tensor& values) const {
  at::Tensor kept = values;
  for (const double code : ignore_)
    kept = kept.masked_fill(kept.eq(static_cast<float>(code)), std::numeric_limits<float>::quiet_NaN());
  return kept;
}

at::Tensor RasterClasses::to_indices(const at::Tensor& codes, const std::string& scene, const std::string& file,
                                     int64_t x, int64_t y) const {
  const Table& table = table_of(scene);
  const float none = std::numeric_limits<float>::quiet_NaN();
  std::map<float, float> to_index;
  for (const double code : ignore_) to_index[static_cast<float>(code)] = none;
  for (const auto& [code, name] : table)
    to_index.emplace(static_cast<float>(code), static_cast<float>(index_.at(name)));  // ignored ones stay so
  at::Tensor indices = codes.clone(at::MemoryFormat::Contiguous);
  auto* values = indices.data_ptr<float>();
  for (int64_t i = 0; i < indices.numel(); ++i) {
    if (values[i] != values[i]) continue;
    const auto found = to_index.find(values[i]);
    if (found == to_index.end())
      throw InputError(
          "{}: code {} at column {}, row {} is no class; known: {}; `classes` names them, `ignore` lists codes that "
          "are "
          "no label",
          file, number_text(values[i]), x + i % codes.size(1), y + i / codes.size(1), known_codes(table));
    values[i] = found->second;
  }
  return indices;
}

}  // namespace polytask
