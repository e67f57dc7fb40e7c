#pragma once
#include <polytask/nn/layers/dense.h>
#include <polytask/nn/staged_backbone.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace polytask {

struct MlpOptions {
  std::vector<int64_t> hidden = {128, 64};
  std::string activation = "relu";
  double dropout = 0;
  bool batch_norm = false;
  void fields(Fields& f);
};

/// Dense layers for tables; images are flattened. Levels hidden1, hidden2, … (vectors), one per layer; each is a stage.
class MlpBackbone : public StagedBackbone {
 public:
  /// Throws InputError where `hidden` is empty or the input has no values.
  MlpBackbone(const MlpOptions& options, const InputShape& input);
  std::vector<Level> levels() const override;
  std::vector<std::string> stages() const override;
  at::Tensor stage(size_t index, const at::Tensor& x) override;
  size_t stage_of(const std::string& name) const override;
  Features features(const std::vector<at::Tensor>& outputs) override { return outputs; }

 private:
  std::vector<int64_t> widths_;
  std::shared_ptr<DenseStack> hidden_;
};

}  // namespace polytask
