#include <polytask/core/error.h>
#include <polytask/core/suggest.h>
#include <polytask/data/dense_labels.h>

#include <ATen/ATen.h>

#include <algorithm>

namespace polytask {
namespace {

// The first pixel where `bad` is true, as "row name (pixel x, y)", and its value.
std::pair<std::string, double> first_bad(const Source& source, const at::Tensor& raw, const at::Tensor& bad,
                                         c10::ArrayRef<int64_t> rows) {
  const at::Tensor at = bad.nonzero()[0];
  const int64_t b = at[0].item<int64_t>(), y = at[1].item<int64_t>(), x = at[2].item<int64_t>();
  return {fmt::format("{} (pixel x {}, y {})", source.row_name(rows[static_cast<size_t>(b)]), x, y),
          raw[b][y][x].item<double>()};
}

int64_t find_layer(const std::vector<LayerSpec>& layers, const TargetRequest& request) {
  const std::string& name = request.expressions.front();
  std::vector<std::string> known;
  for (size_t i = 0; i < layers.size(); ++i) {
    if (layers[i].name == name) return static_cast<int64_t>(i);
    known.push_back(layers[i].name);
  }
  if (known.empty())
    throw InputError("task \"{}\" needs a label per pixel, but this source has no layers; raster and forest have",
                     request.task);
  throw InputError("task \"{}\": the source has no layer \"{}\"{}", request.task, name, did_you_mean(name, known));
}

std::vector<std::string> class_names_of(const LayerSpec& layer, const TargetRequest& request) {
  if (!request.class_names.empty()) return request.class_names;
  if (!layer.class_names.empty()) {
    if (request.classes > 0 && request.classes != static_cast<int64_t>(layer.class_names.size()))
      throw InputError("task \"{}\": classes is {}, but layer \"{}\" has {}: {}", request.task, request.classes,
                       layer.name, layer.class_names.size(), fmt::join(layer.class_names, ", "));
    return layer.class_names;
  }
  if (request.classes == 0)
    throw InputError(
        "task \"{}\": layer \"{}\" holds numbers without names; say how many classes there are (classes: 5 for 0 … 4), "
        "or name them (class_names)",
        request.task, layer.name);
  std::vector<std::string> names;
  for (int64_t c = 0; c < request.classes; ++c) names.push_back(std::to_string(c));
  return names;
}

// Which class of the task each of the layer's classes is; empty where they are the same.
std::vector<int64_t> classes_of_layer(const LayerSpec& layer, const TargetRequest& request,
                                      const std::vector<std::string>& names) {
  if (layer.class_names.empty() || names == layer.class_names) return {};
  for (const auto& name : names)
    if (std::find(layer.class_names.begin(), layer.class_names.end(), name) == layer.class_names.end())
      throw InputError("task \"{}\": \"{}\" is no class of layer \"{}\"{}", request.task, name, layer.name,
                       did_you_mean(name, layer.class_names));
  std::vector<int64_t> result;
  for (const auto& name : layer.class_names) {
    const auto found = std::find(names.begin(), names.end(), name);
    result.push_back(found == names.end() ? -1 : found - names.begin());
  }
  return result;
}

}  // namespace

DenseLabels::DenseLabels(const Source& source, const TargetRequest& request, int64_t layer,
                         const std::vector<int64_t>& class_of, int64_t classes)
    : source_(source),
      task_(request.task),
      name_(request.expressions.front()),
      kind_(request.kind),
      layer_(layer),
      classes_(classes) {
  if (!class_of.empty()) class_of_ = at::tensor(class_of, at::kLong);
}

at::Tensor DenseLabels::read(c10::ArrayRef<int64_t> rows) const { return source_.read_layer(layer_, rows); }

std::pair<at::Tensor, at::Tensor> DenseLabels::encode(const at::Tensor& raw, c10::ArrayRef<int64_t> rows) const {
  if (kind_ == TargetKind::classes) return encode_classes(raw, rows);
  const at::Tensor infinite = raw.isinf();
  if (infinite.any().item<bool>())
    throw InputError("{}: layer \"{}\" is infinite there, which is no label",
                     first_bad(source_, raw, infinite, rows).first, name_);
  const at::Tensor valid = raw.isnan().logical_not_().unsqueeze(1);
  return {raw.nan_to_num(0).to(at::kFloat).unsqueeze(1), valid};
}

std::pair<at::Tensor, at::Tensor> DenseLabels::encode_classes(const at::Tensor& raw,
                                                              c10::ArrayRef<int64_t> rows) const {
  at::Tensor valid = raw.isnan().logical_not_();
  const at::Tensor filled = raw.nan_to_num(0);
  const int64_t known = class_of_.defined() ? class_of_.numel() : classes_;
  const at::Tensor bad = filled.lt(0).logical_or_(filled.ge(known)).logical_or_(filled.ne(filled.floor()));
  if (bad.any().item<bool>()) {
    const auto [where, value] = first_bad(source_, raw, bad, rows);
    throw InputError("{}: layer \"{}\" is {}, out of range: task \"{}\" has {} classes, 0 to {}", where, name_,
                     number_text(value), task_, known, known - 1);
  }
  at::Tensor classes = filled.to(at::kLong);
  if (!class_of_.defined()) return {classes, valid};
  classes = class_of_.index({classes});
  valid = valid.logical_and(classes.ge(0));
  return {classes.clamp_min_(0).mul_(valid), valid};
}

Targets dense_targets(const Source& source, const TargetRequest& request) {
  if (request.expressions.size() != 1)
    throw InputError("task \"{}\": a task with a label per pixel has one layer as its target, got {}", request.task,
                     request.expressions.size());
  const auto layers = source.layers();
  const int64_t index = find_layer(layers, request);
  const LayerSpec& layer = layers[static_cast<size_t>(index)];
  Targets targets;
  std::vector<int64_t> class_of;
  if (request.kind == TargetKind::classes) {
    targets.class_names = class_names_of(layer, request);
    class_of = classes_of_layer(layer, request, targets.class_names);
  } else {
    if (!layer.class_names.empty())
      throw InputError("task \"{}\": layer \"{}\" holds classes ({}), where the task needs numbers", request.task,
                       layer.name, fmt::join(layer.class_names, ", "));
    targets.units = {layer.unit};
  }
  targets.dense = std::make_shared<DenseLabels>(source, request, index, std::move(class_of),
                                                static_cast<int64_t>(targets.class_names.size()));
  return targets;
}

void scan_dense(const Targets& targets, const std::vector<int64_t>& rows,
                const std::function<void(const at::Tensor&, const at::Tensor&)>& visit) {
  constexpr size_t kRows = 16;
  std::vector<int64_t> labelled;
  for (const int64_t row : rows)
    if (!targets.valid.defined() || targets.valid[row].item<bool>()) labelled.push_back(row);
  for (size_t begin = 0; begin < labelled.size(); begin += kRows) {
    const c10::ArrayRef<int64_t> some(labelled.data() + begin, std::min(kRows, labelled.size() - begin));
    const auto [values, valid] = targets.dense->encode(targets.dense->read(some), some);
    visit(values, valid);
  }
}

}  // namespace polytask
