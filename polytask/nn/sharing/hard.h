#pragma once
#include <polytask/core/options.h>
#include <polytask/nn/layers/dense.h>
#include <polytask/nn/model.h>

#include <cstdint>
#include <memory>
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
  /// `input`: name of the input to read; "" where batches carry only one. The backbone is taken as it stands; the
  /// shared layer and each head are initialised from streams of their own, so that tasks do not change each other's.
  /// Throws InputError for task names that are empty, double or hold anything but letters, digits, _ and -, for a head
  /// that the levels cannot feed, and for a shared layer after a spatial level.
  HardSharing(std::shared_ptr<Backbone> backbone, const std::vector<TaskHead>& tasks, uint64_t seed,
              const SharedLayerOptions& shared_layer = {}, std::string input = "");

  const std::vector<std::string>& tasks() const override { return tasks_; }
  std::vector<Features> represent(const NamedTensors& inputs) override;
  at::Tensor decode(int64_t task, const Features& features) override;
  std::vector<ModelParameter> model_parameters() override;
  std::string last_shared_layer() const override;

 private:
  void add_shared_layer(const SharedLayerOptions& options, std::vector<Level>& levels);
  const at::Tensor& choose_input(const NamedTensors& inputs) const;

  std::string input_;
  std::vector<std::string> tasks_;
  std::shared_ptr<Backbone> backbone_;
  std::shared_ptr<Dense> shared_layer_;
  std::vector<std::shared_ptr<Head>> heads_;
};

/// A hard-sharing model around a ready backbone, your own (see `wrap_backbone`) or one of `backbones()`. A task whose
/// `head` is left out gets a linear one.
std::shared_ptr<Model> make_hard_model(std::shared_ptr<Backbone> backbone, const std::vector<TaskHead>& tasks,
                                       uint64_t seed = 1, const SharedLayerOptions& shared_layer = {});

}  // namespace polytask
