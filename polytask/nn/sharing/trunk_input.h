#pragma once
#include <polytask/core/tensors.h>
#include <polytask/nn/model.h>

#include <string>

namespace polytask {

/// Which of the data's inputs the encoder reads.
class TrunkInput {
 public:
  /// The only input of every batch.
  TrunkInput() = default;
  /// `name`, or where that is empty the only input that no head takes as an auxiliary one. InputError where there is
  /// none, or several.
  TrunkInput(const std::string& name, const ModelContext& context);

  const std::string& name() const { return name_; }
  const InputShape& shape() const { return shape_; }
  /// The input of a batch. InputError where the batch lacks it.
  const at::Tensor& of(const NamedTensors& inputs) const;

 private:
  std::string name_;
  InputShape shape_;
};

}  // namespace polytask
