#pragma once
#include <polytask/balancing/gradient_combiner.h>
#include <polytask/balancing/gradients/gradient_buffer.h>
#include <polytask/balancing/gradients/layer_products.h>
#include <polytask/balancing/gradients/scope.h>
#include <polytask/balancing/gradients/step_batch.h>
#include <polytask/balancing/gradients/walk.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

struct EngineOptions {
  std::vector<std::string> scope = {"shared"};
  std::string gram = "auto";            ///< auto | walk | outputs; rows() needs walk
  BlockSize blocks = BlockSize::whole;  ///< other than whole implies walk
  int64_t samples = 1;                  ///< independent batches
  bool rows = false;                    ///< rows() will be asked for, gram() not
  bool batch_sum = false;               ///< gram() of the representation: of gradients summed over the batch
};

/// Takes the batches of one optimiser step to task gradients, or only to their inner products, and weights back to the
/// parameters' .grad. A step is: add() for each batch, then gram() or rows(), then apply() or apply_direction().
///
/// Heads come first: each task's loss is walked down to the features, which gives its head's own gradient and δZ_t.
/// Then the encoder is walked for each task, all at once where its graph allows batching. Of layers whose products are
/// cheaper than their weight gradients (LayerProducts) only the gradient at the output is taken; of the rest the
/// gradients themselves are held (GradientBuffer). Where M is taken from a part of the shared parameters or from the
/// features, one more walk, seeded with Σ w_t δZ_t, makes the step.
class GradientEngine {
 public:
  explicit GradientEngine(EngineOptions options) : options_(std::move(options)) {}
  /// Throws InputError where the scope does not fit the model.
  void prepare(const ModelFacts& model);

  /// `measure` false: the weights are known already; no inner products are taken.
  void add(const BackwardContext& context, const LossState& state, bool measure = true);
  /// The tasks that take part: present, with a gradient, in every independent batch.
  const std::vector<int64_t>& tasks() const { return tasks_; }
  /// Leaves tasks out of the rest of the step.
  void drop(const std::vector<int64_t>& tasks);
  /// Mean loss of every one of tasks() over the step's batches.
  std::vector<double> losses() const;

  GramState gram();
  GradientRows rows();
  /// Adds Gᵀw (of the last independent batch) to the shared parameters' .grad, and each head's own gradient times its
  /// factor to the heads'. Vectors as tasks().
  void apply(const std::vector<double>& w, const std::vector<std::vector<double>>& block_w,
             const std::vector<double>& head_factors);
  /// The same for a direction [P] made from rows().
  void apply_direction(const at::Tensor& direction, const std::vector<double>& head_factors);
  /// Nothing that the tasks share is trained in this step: there is nothing to balance, and apply_heads() is all of it.
  bool is_frozen() const { return scope_.shared.empty() && !(scope_.representation && model_.parameters.empty()); }
  /// Adds each head's own gradient times its factor. A vector as tasks().
  void apply_heads(const std::vector<double>& factors);
  /// Ready for the next step.
  void reset();

  /// Bytes of the T × P matrices.
  int64_t buffer_bytes() const;
  /// Layers whose part of M came from products in this step.
  int64_t product_layers() const { return static_cast<int64_t>(products_.size()); }

 private:
  struct TaskSums {
    double loss = 0;
    int64_t batches = 0;
    std::vector<char> samples;     // in which independent batches it is present
    std::vector<at::Tensor> head;  // gradients of its own parameters
  };

  void follow_freezing();
  void begin_step(const BackwardContext& context);
  std::vector<int64_t> note_present(const BackwardContext& context, const LossState& state);
  void choose_products(const StepBatch& batch, bool possible);
  void walk_encoder(const StepBatch& batch, const std::vector<int64_t>& present);
  void walk_encoder_batched(const StepBatch& batch, const std::vector<int64_t>& present);
  bool can_batch(const StepBatch& batch, const std::vector<int64_t>& present) const;
  std::vector<torch::autograd::Edge> targets_of(const StepBatch& batch, int64_t task) const;
  void store(const StepBatch& batch, int64_t task, const std::vector<at::Tensor>& found);
  void add_to_head(int64_t task, const std::vector<at::Tensor>& gradients, double factor);
  void apply_by_walk(const std::vector<double>& w);
  void walk_to_shared(const StepBatch& batch, const std::vector<at::Tensor>& roots,
                      const std::vector<at::Tensor>& seeds);
  bool is_last_sample(const StepBatch& batch) const { return batch.sample + 1 == options_.samples; }
  bool walks_again() const { return !scope_.everything || !measured_; }

  EngineOptions options_;
  ModelFacts model_;
  std::vector<char> trainable_;  // of the model's parameters, when scope_ and own_ were made
  GradientScope scope_;
  std::vector<std::vector<at::Tensor>> own_;  // [task] task-specific parameters

  bool measured_ = false;
  std::vector<TaskSums> sums_;
  std::vector<int64_t> tasks_;
  std::vector<StepBatch> batches_;       // kept for a last walk
  std::vector<GradientBuffer> buffers_;  // one for each independent batch
  std::vector<LayerProducts> products_;
  std::vector<std::vector<at::Tensor>> deltas_;  // [product layer][task]
};

}  // namespace polytask
