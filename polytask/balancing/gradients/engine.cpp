#include <polytask/balancing/gradients/engine.h>
#include <polytask/balancing/gradients/row_kernels.h>
#include <polytask/core/error.h>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>

#include <algorithm>

namespace polytask {
namespace {

size_t at_index(int64_t i) { return static_cast<size_t>(i); }

void add_scaled(at::Tensor& sum, const at::Tensor& more, double factor) {
  if (!more.defined()) return;
  if (sum.defined())
    sum.add_(more, factor);
  else
    sum = more * factor;
}

}  // namespace

void GradientEngine::prepare(const ModelFacts& model) {
  require_shared_parameters(model);
  model_ = model;
  trainable_.clear();
  buffers_.assign(at_index(options_.samples), {});
  reset();
  follow_freezing();
  if (scope_.representation && !model.one_representation)
    throw InputError(
        "balancing.scope: representation needs one representation that all tasks share, and this model has one for "
        "each "
        "task; use the scope shared");
}

// Layers may be frozen and freed from one epoch to the next.
void GradientEngine::follow_freezing() {
  std::vector<char> trainable;
  for (const auto& parameter : model_.parameters) trainable.push_back(parameter.tensor.requires_grad() ? 1 : 0);
  if (trainable == trainable_ && !trainable.empty()) return;
  trainable_ = trainable;
  scope_ = resolve_scope(options_.scope, model_, options_.blocks);
  if (scope_.columns.empty() && !scope_.representation && !scope_.shared.empty())
    throw InputError("balancing.scope: every parameter in it is frozen, while others of the encoder are trained");
  own_.clear();
  for (const auto& parameter : model_.parameters) {
    if (parameter.role != Role::task || !parameter.tensor.requires_grad()) continue;
    if (own_.size() <= at_index(parameter.task)) own_.resize(at_index(parameter.task) + 1);
    own_[at_index(parameter.task)].push_back(parameter.tensor);
  }
}

void GradientEngine::reset() {
  sums_.clear();
  tasks_.clear();
  batches_.clear();
  products_.clear();
  deltas_.clear();
  for (auto& buffer : buffers_) buffer.release();
}

void GradientEngine::begin_step(const BackwardContext& context) {
  reset();
  follow_freezing();
  const size_t tasks = context.losses.size();
  sums_.resize(tasks);
  own_.resize(std::max(own_.size(), tasks));
  for (size_t t = 0; t < tasks; ++t) {
    sums_[t].samples.assign(at_index(options_.samples), 0);
    sums_[t].head.resize(own_[t].size());
  }
  if (scope_.representation && context.features.size() != 1)
    throw WorkError("balancing.scope: representation needs one representation that all tasks share; this model has {}",
                    context.features.size());
}

std::vector<int64_t> GradientEngine::note_present(const BackwardContext& context, const LossState& state) {
  std::vector<int64_t> present;
  for (size_t t = 0; t < context.losses.size(); ++t) {
    if (!state.present[t]) continue;
    if (!context.losses[t].defined())
      throw WorkError("balancing: task {} is marked present, but its loss is undefined", t);
    if (!context.losses[t].requires_grad()) continue;
    sums_[t].loss += state.losses[t];
    ++sums_[t].batches;
    sums_[t].samples[at_index(context.sample)] = 1;
    present.push_back(static_cast<int64_t>(t));
  }
  return present;
}

void GradientEngine::add(const BackwardContext& context, const LossState& state, bool measure) {
  const at::NoGradGuard no_grad;
  const bool first = sums_.empty();
  if (first) begin_step(context);
  measured_ = measure;
  const auto present = note_present(context, state);
  std::vector<std::vector<at::Tensor>> heads(sums_.size());
  StepBatch batch = walk_heads(context, state.share, present, own_, heads);
  for (int64_t t : present) add_to_head(t, heads[at_index(t)], state.share / static_cast<double>(options_.samples));
  if (first) choose_products(batch, context.last && measure && state.share == 1.0);
  if (can_batch(batch, present))
    walk_encoder_batched(batch, present);
  else
    walk_encoder(batch, present);
  if (walks_again() && (is_last_sample(batch) || scope_.representation)) batches_.push_back(std::move(batch));
  if (!context.last) return;
  for (size_t t = 0; t < sums_.size(); ++t)
    if (std::count(sums_[t].samples.begin(), sums_[t].samples.end(), 1) == options_.samples)
      tasks_.push_back(static_cast<int64_t>(t));
}

void GradientEngine::add_to_head(int64_t task, const std::vector<at::Tensor>& gradients, double factor) {
  auto& sums = sums_[at_index(task)].head;
  for (size_t i = 0; i < sums.size(); ++i) add_scaled(sums[i], gradients[i], factor);
}

// Products serve a step of one batch, with all of the scope as one block.
void GradientEngine::choose_products(const StepBatch& batch, bool possible) {
  possible = possible && !options_.rows && options_.gram != "walk" && options_.blocks == BlockSize::whole &&
             options_.samples == 1;
  std::vector<char> held(scope_.columns.size(), 1);
  const auto tasks = static_cast<int64_t>(sums_.size());
  for (const LayerUse& layer : batch.graph.layers) {
    if (!possible || !LayerProducts::are_possible(layer)) continue;
    std::vector<size_t> columns;
    for (size_t i = 0; i < scope_.columns.size(); ++i) {
      const auto* parameter = scope_.columns[i].parameter.unsafeGetTensorImpl();
      if (parameter == layer.weight || parameter == layer.bias) columns.push_back(i);
    }
    if (columns.size() != (layer.bias != nullptr ? 2u : 1u)) continue;
    if (options_.gram == "auto" &&
        LayerProducts::cost_of_products(layer, tasks) >= LayerProducts::cost_of_rows(layer, tasks))
      continue;
    for (size_t column : columns) held[column] = 0;
    products_.emplace_back(layer);
  }
  deltas_.assign(products_.size(), std::vector<at::Tensor>(sums_.size()));
  for (auto& buffer : buffers_) buffer.lay_out(scope_, held, tasks, /*contiguous=*/options_.rows);
}

// What a walk must bring, in the order in which store() takes it.
std::vector<torch::autograd::Edge> GradientEngine::targets_of(const StepBatch& batch, int64_t task) const {
  std::vector<torch::autograd::Edge> targets;
  const auto add_leaf = [&](const at::Tensor& parameter) {
    const auto leaf = batch.graph.leaves.find(parameter.unsafeGetTensorImpl());
    if (leaf != batch.graph.leaves.end()) targets.push_back(leaf->second);
  };
  if (measured_) {
    for (const auto& layer : products_) targets.push_back(layer.use().output);
    for (size_t column : buffers_[0].held()) add_leaf(scope_.columns[column].parameter);
  }
  for (const auto& parameter : own_[at_index(task)]) add_leaf(parameter);
  return targets;
}

void GradientEngine::store(const StepBatch& batch, int64_t task, const std::vector<at::Tensor>& found) {
  size_t next = 0;
  const auto take = [&](const at::Tensor& parameter) {
    return batch.graph.leaves.count(parameter.unsafeGetTensorImpl()) != 0 ? found[next++] : at::Tensor();
  };
  if (measured_) {
    for (size_t l = 0; l < products_.size(); ++l) deltas_[l][at_index(task)] = found[next++];
    std::vector<at::Tensor> row;
    for (size_t column : buffers_[0].held()) row.push_back(take(scope_.columns[column].parameter));
    if (!row.empty()) buffers_[at_index(batch.sample)].add(task, row, batch.share);
  }
  std::vector<at::Tensor> own;
  for (const auto& parameter : own_[at_index(task)]) own.push_back(take(parameter));
  add_to_head(task, own, batch.share / static_cast<double>(options_.samples));
}

void GradientEngine::walk_encoder(const StepBatch& batch, const std::vector<int64_t>& present) {
  for (size_t r = 0; r < present.size(); ++r) {
    const int64_t t = present[r];
    const Walk walk{batch.roots[at_index(t)], batch.seeds[at_index(t)], targets_of(batch, t)};
    store(batch, t, walk_graph(walk, walks_again() || r + 1 < present.size()));
  }
}

// One walk for all tasks needs one start for all, nothing that is a single task's on the way, and rules for every node.
// Weight gradients gain nothing by it: they are as many products as before.
bool GradientEngine::can_batch(const StepBatch& batch, const std::vector<int64_t>& present) const {
  if (!can_batch_walks() || !measured_ || !batch.shared_roots || !batch.graph.batchable || present.size() < 2 ||
      products_.empty() || !buffers_[0].held().empty())
    return false;
  const auto& first = batch.seeds[at_index(present[0])];
  for (int64_t t : present) {
    for (const auto& parameter : own_[at_index(t)])
      if (batch.graph.leaves.count(parameter.unsafeGetTensorImpl()) != 0) return false;
    for (size_t level = 0; level < first.size(); ++level)
      if (batch.seeds[at_index(t)][level].defined() != first[level].defined()) return false;
  }
  return true;
}

void GradientEngine::walk_encoder_batched(const StepBatch& batch, const std::vector<int64_t>& present) {
  Walk walk{batch.roots[at_index(present[0])], {}, targets_of(batch, present[0])};
  for (size_t level = 0; level < walk.roots.size(); ++level) {
    std::vector<at::Tensor> seeds;
    for (int64_t t : present) seeds.push_back(batch.seeds[at_index(t)][level]);
    walk.seeds.push_back(seeds[0].defined() ? at::stack(seeds) : at::Tensor());
  }
  const auto found = walk_graph_batched(walk, walks_again());
  for (size_t r = 0; r < present.size(); ++r) {
    std::vector<at::Tensor> own;
    for (const auto& gradient : found)
      own.push_back(gradient.defined() ? gradient.select(0, static_cast<int64_t>(r)) : gradient);
    store(batch, present[r], own);
  }
}

void GradientEngine::drop(const std::vector<int64_t>& tasks) {
  for (int64_t task : tasks) tasks_.erase(std::remove(tasks_.begin(), tasks_.end(), task), tasks_.end());
}

std::vector<double> GradientEngine::losses() const {
  std::vector<double> means;
  for (int64_t t : tasks_) means.push_back(sums_[at_index(t)].loss / static_cast<double>(sums_[at_index(t)].batches));
  return means;
}

GramState GradientEngine::gram() {
  const at::NoGradGuard no_grad;
  const auto rows = static_cast<int64_t>(tasks_.size());
  GramState state;
  state.tasks = tasks_;
  state.losses = losses();
  state.task_count = static_cast<int64_t>(sums_.size());
  state.gram.resize(rows, rows);
  if (scope_.representation) {
    for (const StepBatch& batch : batches_) {
      std::vector<at::Tensor> features;
      for (int64_t t : tasks_) features.push_back(batch.feature_row(t, options_.batch_sum));
      add_inner_products(features, features, state.gram);
    }
    return state;
  }
  if (options_.blocks != BlockSize::whole) state.blocks.assign(scope_.blocks.size(), Matrix(rows, rows));
  buffers_[0].add_gram(tasks_, state.gram, state.blocks);
  for (size_t l = 0; l < products_.size(); ++l) {
    std::vector<at::Tensor> deltas;
    for (int64_t t : tasks_) deltas.push_back(deltas_[l][at_index(t)]);
    products_[l].set_deltas(deltas);
    products_[l].add_gram(state.gram);
  }
  return state;
}

GradientRows GradientEngine::rows() {
  const at::NoGradGuard no_grad;
  GradientRows rows;
  rows.tasks = tasks_;
  rows.losses = losses();
  rows.task_count = static_cast<int64_t>(sums_.size());
  if (!scope_.representation) {
    for (auto& buffer : buffers_) rows.samples.push_back(buffer.matrix(tasks_));
    return rows;
  }
  for (int64_t sample = 0; sample < options_.samples; ++sample) {
    std::vector<at::Tensor> features;
    for (int64_t t : tasks_) {
      std::vector<at::Tensor> parts;
      for (const StepBatch& batch : batches_)
        if (batch.sample == sample) parts.push_back(batch.feature_row(t));
      features.push_back(at::cat(parts));
    }
    rows.samples.push_back(at::stack(features));
  }
  std::vector<at::Tensor> values;
  for (const StepBatch& batch : batches_) {
    const auto roots = is_last_sample(batch) ? batch.used_roots() : std::vector<at::Tensor>();
    for (const auto& root : roots) values.push_back(roots.size() == 1 ? root.detach() : root.detach().reshape({-1}));
  }
  rows.representation = at::cat(values);
  return rows;
}

void GradientEngine::apply(const std::vector<double>& w, const std::vector<std::vector<double>>& block_w,
                           const std::vector<double>& head_factors) {
  const at::NoGradGuard no_grad;
  if (walks_again()) {
    apply_by_walk(w);
  } else {
    buffers_.back().combine(tasks_, w, block_w);
    for (const auto& layer : products_) {
      at::Tensor weight, bias;
      for (const auto& column : scope_.columns) {
        if (column.parameter.unsafeGetTensorImpl() == layer.use().weight) weight = column.parameter;
        if (column.parameter.unsafeGetTensorImpl() == layer.use().bias) bias = column.parameter;
      }
      layer.combine(w, weight, bias);
    }
  }
  apply_heads(head_factors);
}

void GradientEngine::apply_by_walk(const std::vector<double>& w) {
  for (const StepBatch& batch : batches_) {
    if (!is_last_sample(batch)) continue;
    std::vector<at::Tensor> roots, seeds;
    for (size_t r = 0; r < tasks_.size(); ++r) {
      const size_t t = at_index(tasks_[r]);
      for (size_t level = 0; level < batch.roots[t].size(); ++level) {
        const bool joins = batch.shared_roots && r > 0;
        if (!joins) {
          roots.push_back(batch.roots[t][level]);
          seeds.emplace_back();
        }
        const size_t slot = joins ? level : roots.size() - 1;
        add_scaled(seeds[slot], batch.seeds[t][level], w[r] * batch.share);
      }
    }
    walk_to_shared(batch, roots, seeds);
  }
}

void GradientEngine::walk_to_shared(const StepBatch& batch, const std::vector<at::Tensor>& roots,
                                    const std::vector<at::Tensor>& seeds) {
  Walk walk{roots, seeds, {}};
  std::vector<at::Tensor> reached;
  for (const auto& parameter : scope_.shared) {
    const auto leaf = batch.graph.leaves.find(parameter.unsafeGetTensorImpl());
    if (leaf == batch.graph.leaves.end()) continue;
    walk.targets.push_back(leaf->second);
    reached.push_back(parameter);
  }
  const auto found = walk_graph(walk, /*keep=*/false);
  for (size_t i = 0; i < reached.size(); ++i)
    if (found[i].defined()) gradient_of(reached[i]).add_(found[i]);
}

void GradientEngine::apply_direction(const at::Tensor& direction, const std::vector<double>& head_factors) {
  const at::NoGradGuard no_grad;
  if (!scope_.representation) {
    buffers_.back().distribute(direction);
  } else {
    int64_t begin = 0;
    for (const StepBatch& batch : batches_) {
      if (!is_last_sample(batch)) continue;
      const auto roots = batch.used_roots();
      std::vector<at::Tensor> seeds;
      for (const auto& root : roots) {
        seeds.push_back(direction.narrow(0, begin, root.numel()).view(root.sizes()));
        begin += root.numel();
      }
      walk_to_shared(batch, roots, seeds);
    }
  }
  apply_heads(head_factors);
}

void GradientEngine::apply_heads(const std::vector<double>& factors) {
  for (size_t r = 0; r < tasks_.size(); ++r) {
    const size_t t = at_index(tasks_[r]);
    for (size_t i = 0; i < own_[t].size(); ++i)
      if (sums_[t].head[i].defined()) gradient_of(own_[t][i]).add_(sums_[t].head[i], factors[r]);
  }
}

int64_t GradientEngine::buffer_bytes() const {
  int64_t bytes = 0;
  for (const auto& buffer : buffers_) bytes += buffer.bytes();
  return bytes;
}

}  // namespace polytask
