#pragma once
#include <polytask/core/options.h>
#include <polytask/nn/sharing/experts.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace polytask {

struct MmoeOptions {
  Node backbone;
  int64_t experts = 3;
  std::string input;
  void fields(Fields& f);
};

/// Multi-gate mixture of experts (Ma et al. 2018, eq. 6 and 7; numbers as LibMTL's): E whole backbones that all tasks
/// share, and for each task a gate, softmax(Linear(flatten(x))), whose weights mix every level the backbones offer.
/// Experts are shared parameters, gates the tasks' own. Names: shared_experts.<e>.…, gates.<task>.…, heads.<task>.….
class Mmoe : public ExpertModel {
 public:
  /// The experts are taken as they stand, gates and heads are initialised from streams of their own. `context.seed` and
  /// the tasks are read; throws InputError as TaskHeads does.
  Mmoe(const TrunkInput& input, const std::shared_ptr<Experts>& experts, const ModelContext& context);
  std::vector<Features> represent(const NamedTensors& inputs) override;

 private:
  Mmoe(TrunkInput input, std::shared_ptr<Experts> experts, std::shared_ptr<SoftmaxGates> gates,
       const ModelContext& context);

  std::shared_ptr<SoftmaxGates> gates_;
};

}  // namespace polytask
