#pragma once
#include <polytask/core/options.h>
#include <polytask/nn/model.h>
#include <polytask/nn/sharing/task_encoders.h>
#include <polytask/nn/sharing/task_heads.h>
#include <polytask/nn/sharing/trunk_input.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace polytask {

struct LtbOptions {
  Node backbone;
  double warm_up = 0.01;
  std::string warm_up_mix = "mean";
  std::optional<double> temperature;
  std::string input;
  void fields(Fields& f);
};

/// A choice of one source per target that is random forward and differentiable backward: the one-hot maximum of
/// softmax((logits + noise)/temperature) over the last dimension, with that softmax's gradient (Jang et al., ICLR 2017,
/// straight-through). `noise` is Gumbel's.
at::Tensor straight_through_choice(const at::Tensor& logits, const at::Tensor& noise, double temperature);

/// Learning to branch (Guo et al., ICML 2020, eq. 4–6; schedule as LibMTL's): a network for every task; before each
/// stage every task chooses whose output its own stage reads. The choice is sampled from learned logits (Gumbel noise
/// from libtorch's default generator, straight-through gradient) with temperature τ₀/√(epoch + 1), which falls over the
/// training. LibMTL's τ₀ is a twentieth of the epochs; so it is here, but at least 1, because short trainings would
/// start at temperatures at which no gradient is left.
///
/// In the warm-up, the epochs below `warm_up` times all epochs, nothing is chosen: stages read the mean of all tasks'
/// outputs. LibMTL reads their sum (`warm_up_mix: sum`), which multiplies activations by T at every stage, so that what
/// follows the warm-up has learned at another scale than it works at.
///
/// In evaluation nothing is drawn: the most likely source is read (LibMTL samples there too). Whether the warm-up lasts
/// and the temperature are buffers, so that a saved model evaluates as it did. The networks start apart: the mean of
/// the warm-up gives all of them the same gradient, and among equal ones there would be nothing to choose. Networks and
/// logits are shared parameters; a task's features are the outputs of its own network's stages. A single task has
/// nothing to choose. Names: encoders.<task>.…, branching.<stage> ([T, T]: target, source), branching.warming_up,
/// branching.temperature.
class Ltb : public Model {
 public:
  /// `encoders`: one for each task, alike. `options.backbone` is not read. Throws InputError where the networks have a
  /// single stage.
  Ltb(std::vector<std::shared_ptr<StagedBackbone>> encoders, const std::vector<TaskHead>& tasks, uint64_t seed,
      const LtbOptions& options, TrunkInput input = {}, const std::map<std::string, InputShape>& inputs = {});

  const std::vector<std::string>& tasks() const override { return heads_->tasks(); }
  std::vector<Features> represent(const NamedTensors& inputs) override;
  at::Tensor decode(int64_t task, const Features& features, const NamedTensors& inputs) override;
  void begin_epoch(int64_t epoch, int64_t epochs) override;
  std::vector<ModelParameter> model_parameters() override;
  std::optional<ReceptiveField> receptive_field(int64_t task) const override {
    return heads_->receptive_field(task, encoders_->encoder(static_cast<size_t>(task)));
  }

  /// From now on choices are sampled with this noise [stages − 1, T, T] instead of drawn one, in evaluation too; an
  /// undefined tensor ends that.
  void set_noise(const at::Tensor& noise) { noise_ = noise; }
  double temperature() const { return temperature_.item<double>(); }

 private:
  at::Tensor weights_before(size_t stage) const;  // [T, T]: target, source

  LtbOptions options_;
  TrunkInput input_;
  std::shared_ptr<TaskEncoders> encoders_;
  std::shared_ptr<torch::nn::Module> branching_;
  std::vector<at::Tensor> logits_;  // of stages 1, 2, …: [T, T]
  at::Tensor warming_up_;           // 0 or 1
  at::Tensor temperature_;          // float64
  at::Tensor noise_;
  std::shared_ptr<TaskHeads> heads_;
};

}  // namespace polytask
