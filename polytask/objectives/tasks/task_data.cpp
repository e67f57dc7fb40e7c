#include <polytask/core/error.h>
#include <polytask/core/options.h>
#include <polytask/objectives/tasks/task_data.h>

#include <fmt/ranges.h>

#include <ATen/ops/ones_like.h>
#include <ATen/ops/tensor.h>

#include <algorithm>

namespace polytask {
namespace {

std::string shape_text(const at::Tensor& tensor) { return fmt::format("[{}]", fmt::join(tensor.sizes().vec(), ", ")); }

const std::vector<Node>& list_of(const std::string& task, const Node& state, const std::string& key) {
  const Node* list = state.find(key);
  if (list == nullptr || !list->is_sequence())
    throw InputError("{}: the state of task \"{}\" has no list \"{}\"", state.where(), task, key);
  return list->items();
}

}  // namespace

TrainLabels train_labels(const Targets& targets, const std::vector<int64_t>& rows) {
  const at::Tensor index = at::tensor(rows, at::kLong);
  const at::Tensor values = targets.values.index_select(0, index);
  const at::Tensor valid =
      targets.valid.defined() ? targets.valid.index_select(0, index) : at::ones_like(values, at::kBool);
  return {values, valid};
}

void require_labels(const std::string& task, const at::Tensor& valid, const std::vector<std::string>& names) {
  const at::Tensor counts = valid.sum(0).reshape({-1});
  for (int64_t k = 0; k < counts.size(0); ++k)
    if (counts[k].item<int64_t>() == 0)
      throw InputError("task \"{}\": none of the {} training samples has a label in \"{}\"", task, valid.size(0),
                       names[static_cast<size_t>(k)]);
}

void check_shapes(const std::string& task, const at::Tensor& output, int64_t width, const at::Tensor& target,
                  int64_t columns, const at::Tensor& valid) {
  const int64_t batch = target.dim() == 0 ? 0 : target.size(0);
  const auto expected = columns == 0 ? std::vector<int64_t>{batch} : std::vector<int64_t>{batch, columns};
  if (target.sizes() != expected)
    throw InputError("task \"{}\": targets of shape {}, expected {}", task, shape_text(target),
                     columns == 0 ? "[B]" : fmt::format("[B, {}]", columns));
  if (output.sizes() != std::vector<int64_t>{batch, width})
    throw InputError("task \"{}\": output of shape {}, expected [{}, {}]", task, shape_text(output), batch, width);
  if (valid.defined() && valid.sizes() != target.sizes())
    throw InputError("task \"{}\": mask of shape {} for targets of shape {}", task, shape_text(valid),
                     shape_text(target));
}

double labelled_mean(const at::Tensor& values, const at::Tensor& valid) {
  const at::Tensor labelled = valid.defined() ? values.masked_select(valid) : values;
  return labelled.to(at::kDouble).mean().item<double>();
}

double unit_interval(double value) { return value > 0 ? std::min(value, 1.0) : 0; }

Node numbers_node(const std::vector<double>& values) {
  Node list = Node::sequence_of({});
  for (const double value : values) list.append(Node::scalar_of(number_text(value)));
  return list;
}

Node texts_node(const std::vector<std::string>& values) {
  Node list = Node::sequence_of({});
  for (const auto& value : values) list.append(Node::scalar_of(value, true));
  return list;
}

std::vector<double> numbers_of(const std::string& task, const Node& state, const std::string& key) {
  std::vector<double> values;
  for (const auto& item : list_of(task, state, key)) values.push_back(number_of(item));
  return values;
}

std::vector<std::string> texts_of(const std::string& task, const Node& state, const std::string& key) {
  std::vector<std::string> values;
  for (const auto& item : list_of(task, state, key)) {
    if (!item.is_scalar())
      throw InputError("{}: the state of task \"{}\": \"{}\" must be a list of texts", state.where(), task, key);
    values.push_back(item.text());
  }
  return values;
}

}  // namespace polytask
