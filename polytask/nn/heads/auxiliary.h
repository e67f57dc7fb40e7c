#pragma once
#include <polytask/core/tensors.h>
#include <polytask/nn/backbone.h>
#include <polytask/nn/head.h>
#include <polytask/nn/heads/vector_input.h>
#include <polytask/nn/layers/dense.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace polytask {

/// An input that one head takes besides the shared representation, and that no backbone sees (route information in
/// driving): a key `auxiliary` of the head's section, one map or a list of them.
struct AuxiliaryOptions {
  std::string input;
  std::vector<int64_t> hidden;
  std::string activation = "relu";
  void fields(Fields& f);
};

/// The auxiliary inputs of a head's section, in order. InputError for an input that is named twice.
std::vector<AuxiliaryOptions> auxiliary_of(const Node& head);

/// A head with auxiliary inputs: each is flattened, goes through its dense layers (none where `hidden` is empty) and is
/// joined to the vector that the inner head reads: [B, level + Σ encodings]. Names: head.…, auxiliary.<input>.….
class AuxiliaryHead : public torch::nn::Module {
 public:
  /// `inner`: the options of the head without `auxiliary`; `inputs`: shapes of the data's inputs by name. InputError
  /// for an input that the data lack, and for a head that reads more than one vector per sample.
  AuxiliaryHead(const Node& inner, const std::vector<AuxiliaryOptions>& options, const HeadContext& context,
                const std::map<std::string, InputShape>& inputs);
  at::Tensor forward(const Features& features, const NamedTensors& inputs);

 private:
  struct Branch {
    std::string input;
    std::shared_ptr<DenseStack> encoder;  // null: the input as it is
  };

  std::vector<Branch> branches_;
  std::unique_ptr<VectorInput> vector_;
  std::shared_ptr<Head> head_;
};

}  // namespace polytask
