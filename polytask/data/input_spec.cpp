#include <polytask/core/error.h>
#include <polytask/core/options.h>
#include <polytask/data/input_spec.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace polytask {
namespace {

const Node& needed(const Node& node, const std::string& key) {
  const Node* found = node.find(key);
  if (found == nullptr) throw InputError("{}: an input's description lacks \"{}\"", node.where(), key);
  return *found;
}

Node column_node(const InputColumn& column) {
  Node node = Node::map_of({{"name", Node::scalar_of(column.name, true)}});
  node.set("categorical", Node::scalar_of(column.categorical ? "true" : "false"));
  if (!column.categorical) return node;
  Node categories = Node::sequence_of({});
  for (const auto& category : column.categories) categories.append(Node::scalar_of(category, true));
  node.set("categories", std::move(categories));
  return node;
}

InputColumn column_from(const Node& node) {
  InputColumn column;
  column.name = needed(node, "name").text();
  column.categorical = boolean_of(needed(node, "categorical"));
  if (!column.categorical) return column;
  for (const auto& category : needed(node, "categories").items()) column.categories.push_back(category.text());
  return column;
}

at::Tensor indices(const std::vector<int64_t>& values) { return at::tensor(values, at::kLong); }

void require_tensor(const InputSpec& spec, const NamedTensors& tensors, const std::string& name, int64_t length) {
  const auto found = tensors.find(name);
  if (found == tensors.end())
    throw InputError("preprocessing of input \"{}\": tensor \"{}\" is missing", spec.name, name);
  if (found->second.dim() != 1 || found->second.size(0) != length)
    throw InputError("preprocessing of input \"{}\": tensor \"{}\" has shape [{}], expected [{}]", spec.name, name,
                     fmt::join(found->second.sizes(), ", "), length);
}

// What apply() of an image needs: x · factor − offset.
NamedTensors derive_image(const InputSpec& spec, const NamedTensors& tensors) {
  const int64_t channels = spec.shape[0];
  require_tensor(spec, tensors, "scale", 1);
  require_tensor(spec, tensors, "mean", channels);
  require_tensor(spec, tensors, "std", channels);
  const at::Tensor deviation = tensors.at("std").to(at::kDouble);
  const at::Tensor factor = tensors.at("scale").to(at::kDouble) / deviation;
  const at::Tensor offset = tensors.at("mean").to(at::kDouble) / deviation;
  return {{"factor", factor.to(at::kFloat).view({channels, 1, 1})},
          {"offset", offset.to(at::kFloat).view({channels, 1, 1})}};
}

// Positions of numeric columns, of those with an indicator among them, and (column, category) of every one-hot output.
NamedTensors derive_table(const InputSpec& spec, const NamedTensors& tensors) {
  std::vector<int64_t> numeric, category_columns;
  std::vector<double> category_values;
  for (size_t c = 0; c < spec.columns.size(); ++c) {
    if (!spec.columns[c].categorical) numeric.push_back(static_cast<int64_t>(c));
    for (size_t k = 0; k < spec.columns[c].categories.size(); ++k) {
      category_columns.push_back(static_cast<int64_t>(c));
      category_values.push_back(static_cast<double>(k));
    }
  }
  NamedTensors derived = {{"numeric", indices(numeric)},
                          {"indicated", indices({})},
                          {"category_column", indices(category_columns)},
                          {"category_value", at::tensor(category_values, at::kDouble)}};
  if (numeric.empty()) return derived;
  for (const auto* name : {"fill", "mean", "std", "indicator"})
    require_tensor(spec, tensors, name, static_cast<int64_t>(numeric.size()));
  derived["indicated"] = tensors.at("indicator").to(at::kCPU).nonzero().view({-1});
  return derived;
}

}  // namespace

Node InputSpec::to_node() const {
  Node sizes = Node::sequence_of({});
  for (const int64_t size : shape) sizes.append(Node::scalar_of(std::to_string(size)));
  Node node = Node::map_of({{"name", Node::scalar_of(name, true)}, {"shape", std::move(sizes)}});
  if (columns.empty()) return node;
  Node list = Node::sequence_of({});
  for (const auto& column : columns) list.append(column_node(column));
  node.set("columns", std::move(list));
  return node;
}

InputSpec InputSpec::from_node(const Node& node) {
  InputSpec spec;
  spec.name = needed(node, "name").text();
  for (const auto& size : needed(node, "shape").items()) spec.shape.push_back(integer_of(size));
  if (const Node* columns = node.find("columns"))
    for (const auto& column : columns->items()) spec.columns.push_back(column_from(column));
  return spec;
}

Preprocess::Preprocess(InputSpec spec, NamedTensors tensors) : spec_(std::move(spec)), tensors_(std::move(tensors)) {
  const bool table = spec_.shape.size() == 1 && spec_.shape[0] == static_cast<int64_t>(spec_.columns.size());
  if (!spec_.is_image() && !table)
    throw InputError("input \"{}\" of shape [{}] is neither an image [channels, height, width] nor a table [columns]",
                     spec_.name, fmt::join(spec_.shape, ", "));
  derived_ = spec_.is_image() ? derive_image(spec_, tensors_) : derive_table(spec_, tensors_);
}

std::vector<int64_t> Preprocess::output_shape() const {
  if (spec_.is_image()) return spec_.shape;
  return {derived_.at("numeric").numel() + derived_.at("indicated").numel() + derived_.at("category_value").numel()};
}

at::Tensor Preprocess::apply(const at::Tensor& raw) const {
  if (raw.dim() < 1 || !raw.sizes().slice(1).equals(spec_.shape))
    throw InputError("input \"{}\": expected shape [batch, {}], got [{}]", spec_.name, fmt::join(spec_.shape, ", "),
                     fmt::join(raw.sizes(), ", "));
  return spec_.is_image() ? apply_image(raw) : apply_table(raw);
}

at::Tensor Preprocess::apply_image(const at::Tensor& raw) const {
  at::Tensor values = raw.to(at::kFloat) * derived_.at("factor") - derived_.at("offset");
  if (!raw.is_floating_point()) return values;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return values.nan_to_num(0.0, kInfinity, -kInfinity);
}

at::Tensor Preprocess::apply_table(const at::Tensor& raw) const {
  const at::Tensor values = raw.to(at::kDouble);
  std::vector<at::Tensor> parts;
  if (derived_.at("numeric").numel() > 0) {
    const at::Tensor numbers = values.index_select(1, derived_.at("numeric"));  // [B, n]
    const at::Tensor missing = numbers.isnan();
    const at::Tensor filled = at::where(missing, tensors_.at("fill"), numbers);
    parts.push_back(((filled - tensors_.at("mean")) / tensors_.at("std")).to(at::kFloat));
    if (derived_.at("indicated").numel() > 0)
      parts.push_back(missing.index_select(1, derived_.at("indicated")).to(at::kFloat));
  }
  if (derived_.at("category_value").numel() > 0) {
    const at::Tensor codes = values.index_select(1, derived_.at("category_column"));  // [B, all categories]
    parts.push_back(codes.eq(derived_.at("category_value")).to(at::kFloat));
  }
  if (parts.empty()) throw InputError("input \"{}\" has neither a number nor a category", spec_.name);
  return at::cat(parts, 1);
}

Preprocess Preprocess::to(const at::Device& device) const {
  Preprocess moved = *this;
  for (auto* tensors : {&moved.tensors_, &moved.derived_})
    for (auto& [name, tensor] : *tensors) tensor = tensor.to(device);
  return moved;
}

Preprocess Preprocess::for_images(InputSpec spec, double scale, const std::vector<double>& mean,
                                  const std::vector<double>& std) {
  NamedTensors tensors = {{"scale", at::tensor({scale}, at::kDouble)},
                          {"mean", at::tensor(mean, at::kDouble)},
                          {"std", at::tensor(std, at::kDouble)}};
  return Preprocess(std::move(spec), std::move(tensors));
}

namespace {

// Sums of `map`(values) over the rows, one per column, in double precision. Block by block: a table that is large
// itself must not be copied whole.
template <class Map>
at::Tensor sum_rows(const at::Tensor& raw, const at::Tensor& columns, Map map) {
  constexpr int64_t kBlock = 1024;
  at::Tensor sum = at::zeros({columns.size(0)}, at::kDouble);
  for (int64_t first = 0; first < raw.size(0); first += kBlock) {
    const at::Tensor rows = raw.narrow(0, first, std::min(kBlock, raw.size(0) - first));
    sum += map(rows.index_select(1, columns).to(at::kDouble)).sum(0);
  }
  return sum;
}

}  // namespace

Preprocess Preprocess::for_table(InputSpec spec, const at::Tensor& raw, bool standardise) {
  std::vector<int64_t> numeric;
  for (size_t c = 0; c < spec.columns.size(); ++c)
    if (!spec.columns[c].categorical) numeric.push_back(static_cast<int64_t>(c));
  if (numeric.empty()) return Preprocess(std::move(spec), {});
  const at::Tensor columns = indices(numeric);
  const at::Tensor present = sum_rows(raw, columns, [](const at::Tensor& v) { return v.isnan().logical_not(); });
  const at::Tensor count = present.clamp_min(1);
  const at::Tensor mean = sum_rows(raw, columns, [](const at::Tensor& v) { return v.nan_to_num(0.0); }) / count;
  const auto squares = [&mean](const at::Tensor& v) { return (v - mean).nan_to_num(0.0).square(); };
  const at::Tensor spread = (sum_rows(raw, columns, squares) / count).sqrt();
  // A constant column's computed spread may be rounding noise.
  const at::Tensor constant = spread <= mean.abs() * 1e-12;
  const at::Tensor deviation = at::where(constant, at::ones_like(spread), spread);
  NamedTensors tensors = {{"fill", mean},
                          {"mean", standardise ? mean : at::zeros_like(mean)},
                          {"std", standardise ? deviation : at::ones_like(mean)},
                          {"indicator", present < raw.size(0)}};
  return Preprocess(std::move(spec), std::move(tensors));
}

}  // namespace polytask
