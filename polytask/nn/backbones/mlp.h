#pragma once
#include <polytask/nn/backbone.h>
#include <polytask/nn/layers/dense.h>

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

/// Dense layers for tables; images are flattened. Levels hidden1, hidden2, … (vectors), one per layer.
class MlpBackbone : public Backbone {
 public:
  /// Throws InputError where `hidden` is empty or the input has no values.
  MlpBackbone(const MlpOptions& options, const InputShape& input);
  std::vector<Level> levels() const override;
  Features forward(const at::Tensor& input) override;

 private:
  std::vector<int64_t> widths_;
  std::shared_ptr<DenseStack> hidden_;
};

}  // namespace polytask
