#pragma once
#include <polytask/core/options.h>
#include <polytask/nn/sharing/experts.h>
#include <polytask/nn/sharing/selector_gate.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace polytask {

struct DSelectKOptions {
  Node backbone;
  int64_t experts = 4;
  int64_t selectors = 2;
  double gamma = 1;
  double entropy = 0;
  double reachability = 1;
  std::string input;
  void fields(Fields& f);
};

/// Experts that all tasks share, of which each task's gate comes to select at most k (Hazimeh et al. 2021). Names:
/// shared_experts.<e>.…, gates.<task>.codes.…, gates.<task>.mixing.…, heads.<task>.….
///
/// penalty(): Σ over the tasks decoded since the last represent() of entropy · selector_entropy + reachability ·
/// unreachable_excess, the latter only where the number of experts is no power of two. It reaches gates alone, and of a
/// task that was not decoded (absent from the batch) not even its gate.
///
/// Departures from LibMTL: γ is the smooth step's too, as in Google's, not the initial values' alone; the terms of
/// every task count, not those of the last alone; they are means over the samples, not sums; the entropy's factor is an
/// option, 0 by default as in Google's; and the second term is bounded.
class DSelectK : public ExpertModel {
 public:
  /// The experts are taken as they stand, gates and heads are initialised from streams of their own. Of `options` the
  /// numbers but that of the experts are read. Throws InputError as TaskHeads does, for less than two experts, and for
  /// more selectors than experts.
  DSelectK(const TrunkInput& input, const std::shared_ptr<Experts>& experts, const DSelectKOptions& options,
           const ModelContext& context);
  std::vector<Features> represent(const NamedTensors& inputs) override;
  at::Tensor decode(int64_t task, const Features& features, const NamedTensors& inputs) override;
  at::Tensor penalty() override;

  /// What the gate of a task makes of a batch.
  Selection select(int64_t task, const at::Tensor& x) { return gates_.at(static_cast<size_t>(task))->forward(x); }

 private:
  using Gates = std::vector<std::shared_ptr<SelectorGate>>;
  DSelectK(TrunkInput input, std::shared_ptr<Experts> experts, const DSelectKOptions& options, Gates gates,
           const ModelContext& context);
  static Gates make_gates(const TrunkInput& input, const Experts& experts, const DSelectKOptions& options,
                          const ModelContext& context);

  double entropy_, reachability_;
  Gates gates_;
  std::vector<at::Tensor> selectors_;  // [T] of the last represent() in training, until penalty()
  std::vector<char> decoded_;          // [T] since then
};

}  // namespace polytask
