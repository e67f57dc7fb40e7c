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

struct CrossStitchOptions {
  Node backbone;
  double own = 0.9;
  std::optional<double> others;
  bool per_channel = false;
  std::vector<std::string> after;
  std::string input;
  void fields(Fields& f);
};

/// Cross-stitch networks (Misra et al., CVPR 2016, eq. 1): a network for every task; between stages each goes on with a
/// learned mix of what all of them have, x_t = Σ_j U[t, j] · y_j. Units stand after the stages of `after`, by default
/// all but the last, which nothing follows, and a residual network's stem (as in LibMTL, whose unused slice of units
/// and initial sum of all tasks, which multiplies activations by T at every unit, are left out here). A unit starts at
/// `own` on the diagonal and `others` elsewhere, by default (1 − own)/(T − 1), so that activations keep their scale;
/// LibMTL's start is own 1, others 1. With `per_channel` every channel has a unit of its own, as in the paper. A task's
/// features are the outputs of its own network's stages. All networks start from the same weights, so that units mix
/// channels that mean the same. A single task has no units: it is its network alone. All networks and units are shared
/// parameters. Names: encoders.<task>.…, units.<stage>, heads.<task>.….
class CrossStitch : public Model {
 public:
  /// `encoders`: one for each task, alike. `options.backbone` is not read. `image`: shape of the networks' input, for
  /// units per channel. Throws InputError for stages that do not exist or after which nothing can be mixed.
  CrossStitch(std::vector<std::shared_ptr<StagedBackbone>> encoders, const std::vector<TaskHead>& tasks, uint64_t seed,
              const CrossStitchOptions& options, const InputShape& image, TrunkInput input = {},
              const std::map<std::string, InputShape>& inputs = {});

  const std::vector<std::string>& tasks() const override { return heads_->tasks(); }
  std::vector<Features> represent(const NamedTensors& inputs) override;
  at::Tensor decode(int64_t task, const Features& features, const NamedTensors& inputs) override;
  std::vector<ModelParameter> model_parameters() override;
  std::optional<ReceptiveField> receptive_field(int64_t task) const override {
    return heads_->receptive_field(task, encoders_->encoder(static_cast<size_t>(task)));
  }

 private:
  void add_unit(size_t stage, int64_t channels, const CrossStitchOptions& options);

  TrunkInput input_;
  std::shared_ptr<TaskEncoders> encoders_;
  std::shared_ptr<torch::nn::Module> units_;
  std::vector<at::Tensor> unit_after_;  // by stage: [T, T] or [T, T, C]; undefined where none stands
  std::shared_ptr<TaskHeads> heads_;
};

}  // namespace polytask
