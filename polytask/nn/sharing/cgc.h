#pragma once
#include <polytask/core/options.h>
#include <polytask/nn/sharing/experts.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace polytask {

struct CgcOptions {
  Node backbone;
  int64_t shared_experts = 2;
  std::vector<int64_t> task_experts = {1};
  std::string input;
  void fields(Fields& f);
};

/// Customized gate control (Tang et al. 2020, section 4.1; numbers as LibMTL's): experts that all tasks share and
/// experts of each task's own, all whole backbones. The gate of a task, softmax(Linear(flatten(x))), weighs the shared
/// experts first, then the task's own, and mixes every level. Own experts, gates and heads are the tasks' parameters.
/// Names: shared_experts.<e>.…, experts.<task>.<e>.…, gates.<task>.…, heads.<task>.….
class Cgc : public ExpertModel {
 public:
  /// `own`: one entry for each task, possibly of no experts. All are taken as they stand; gates and heads are
  /// initialised from streams of their own. Throws InputError as TaskHeads does and where levels differ.
  Cgc(const TrunkInput& input, const std::shared_ptr<Experts>& shared, const std::vector<std::shared_ptr<Experts>>& own,
      const ModelContext& context);
  std::vector<Features> represent(const NamedTensors& inputs) override;
  std::vector<ModelParameter> model_parameters() override;

 private:
  Cgc(TrunkInput input, std::shared_ptr<Experts> shared, std::vector<std::shared_ptr<Experts>> own,
      std::shared_ptr<SoftmaxGates> gates, const ModelContext& context);

  std::vector<std::shared_ptr<Experts>> own_;
  std::shared_ptr<SoftmaxGates> gates_;
};

}  // namespace polytask
