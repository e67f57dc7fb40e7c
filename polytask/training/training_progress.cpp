#include <polytask/core/error.h>
#include <polytask/core/options.h>
#include <polytask/io/json.h>
#include <polytask/training/training_progress.h>

namespace polytask {
namespace {

Node number(int64_t value) { return Node::scalar_of(std::to_string(value)); }
Node number(double value) { return Node::scalar_of(number_text(value)); }

template <class T>
Node list(const std::vector<T>& values) {
  Node node = Node::sequence_of({});
  for (const auto& value : values) node.append(number(value));
  return node;
}

const Node& entry(const Node& node, const char* key) {
  const Node* found = node.find(key);
  if (found == nullptr) throw InputError("{}: the checkpoint's progress has no \"{}\"", node.where(), key);
  return *found;
}

std::vector<double> reals(const Node& node) {
  std::vector<double> values;
  for (const auto& item : node.items()) values.push_back(json_number(item));
  return values;
}

}  // namespace

Node TrainingProgress::to_node() const {
  Node node = Node::map_of();
  node.set("step", number(step));
  node.set("epoch", number(epoch));
  node.set("batch", number(batch));
  node.set("skipped_steps", number(skipped_steps));
  node.set("dropped_losses", number(dropped_losses));
  node.set("failed_solves", number(failed_solves));
  node.set("loss_sums", list(loss_sums));
  node.set("loss_weights", list(loss_weights));
  node.set("coupled_sum", number(coupled_sum));
  node.set("coupled_weight", number(coupled_weight));
  Node epochs = Node::sequence_of({});
  for (const auto& losses : epoch_losses) epochs.append(list(losses));
  node.set("epoch_losses", epochs);
  node.set("has_best", Node::scalar_of(has_best ? "true" : "false"));
  node.set("best", number(best));
  node.set("best_step", number(best_step));
  node.set("best_epoch", number(best_epoch));
  node.set("epochs_without_best", number(epochs_without_best));
  return node;
}

TrainingProgress TrainingProgress::from_node(const Node& node) {
  TrainingProgress p;
  p.step = integer_of(entry(node, "step"));
  p.epoch = integer_of(entry(node, "epoch"));
  p.batch = integer_of(entry(node, "batch"));
  p.skipped_steps = integer_of(entry(node, "skipped_steps"));
  p.dropped_losses = integer_of(entry(node, "dropped_losses"));
  p.failed_solves = integer_of(entry(node, "failed_solves"));
  p.loss_sums = reals(entry(node, "loss_sums"));
  p.loss_weights = reals(entry(node, "loss_weights"));
  if (const Node* sum = node.find("coupled_sum")) {  // checkpoints of before couplings counted have none
    p.coupled_sum = json_number(*sum);
    p.coupled_weight = json_number(entry(node, "coupled_weight"));
  }
  for (const auto& losses : entry(node, "epoch_losses").items()) p.epoch_losses.push_back(reals(losses));
  p.has_best = boolean_of(entry(node, "has_best"));
  p.best = json_number(entry(node, "best"));
  p.best_step = integer_of(entry(node, "best_step"));
  p.best_epoch = integer_of(entry(node, "best_epoch"));
  p.epochs_without_best = integer_of(entry(node, "epochs_without_best"));
  return p;
}

}  // namespace polytask
