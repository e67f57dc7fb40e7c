#pragma once
#include <polytask/core/options.h>
#include <polytask/nn/layers/dense.h>
#include <polytask/nn/model.h>
#include <polytask/nn/sharing/task_heads.h>
#include <polytask/nn/sharing/trunk_input.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// A dense layer between backbone and heads that all tasks share.
struct SharedLayerOptions {
  int64_t size = 0;
  std::string activation = "relu";
  double dropout = 0;
  void fields(Fields& f);
};

struct HardOptions {
  Node backbone;
  SharedLayerOptions shared_layer;
  std::string input;
  void fields(Fields& f);
};

/// One backbone for all tasks, a head for each (Caruana 1997). With a shared layer its output is one more level,
/// `shared_layer`, the last and so the one heads read by default. Names: backbone.…, shared_layer.…, heads.<task>.….
class HardSharing : public Model {
 public:
  /// `inputs`: shapes of the data's inputs, for heads with auxiliary ones. The backbone is taken as it stands; the
  /// shared layer and each head are initialised from streams of their own. Throws InputError as TaskHeads does, and for
  /// a shared layer after a spatial level.
  HardSharing(std::shared_ptr<Backbone> backbone, const std::vector<TaskHead>& tasks, uint64_t seed,
              const SharedLayerOptions& shared_layer = {}, TrunkInput input = {},
              const std::map<std::string, InputShape>& inputs = {});

  const std::vector<std::string>& tasks() const override { return heads_->tasks(); }
  std::vector<Features> represent(const NamedTensors& inputs) override;
  at::Tensor decode(int64_t task, const Features& features, const NamedTensors& inputs) override;
  std::vector<ModelParameter> model_parameters() override;
  std::optional<ReceptiveField> receptive_field(int64_t task) const override {
    return heads_->receptive_field(task, *backbone_);
  }
  bool shares_representation() const override { return true; }
  std::string last_shared_layer() const override;

 private:
  void add_shared_layer(const SharedLayerOptions& options, std::vector<Level>& levels);

  TrunkInput input_;
  std::shared_ptr<Backbone> backbone_;
  std::shared_ptr<Dense> shared_layer_;
  std::shared_ptr<TaskHeads> heads_;
};

/// A hard-sharing model around a ready backbone, your own (see `wrap_backbone`) or one of `backbones()`. A task whose
/// `head` is left out gets a linear one.
std::shared_ptr<Model> make_hard_model(std::shared_ptr<Backbone> backbone, const std::vector<TaskHead>& tasks,
                                       uint64_t seed = 1, const SharedLayerOptions& shared_layer = {});

}  // namespace polytask
