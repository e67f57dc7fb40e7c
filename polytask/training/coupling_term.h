#pragma once
#include <polytask/data/dataset.h>
#include <polytask/objectives/coupling.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

/// Keys that every coupling of the `couplings` section has.
struct CouplingTermOptions {
  double weight = 1;
  int64_t start_epoch = 0, ramp_epochs = 0;
  bool balance = false;
  void fields(Fields& f);
};

/// The section of one coupling, every default written out.
Node resolve_coupling_section(const Node& section);

/// A coupling's place in training: which tasks' outputs it gets, and with what weight.
class CouplingTerm {
 public:
  /// `section` as resolved. `tasks`: all of the model's, of which the coupling's are found by name; they must outlive
  /// it, and be fitted before attach(). InputError where one is missing.
  CouplingTerm(const std::string& name, const Node& section, const std::vector<std::unique_ptr<TaskType>>& tasks);

  const std::string& name() const { return coupling_->name(); }
  Coupling& coupling() { return *coupling_; }
  const Coupling& coupling() const { return *coupling_; }
  /// Indices of its tasks among the model's.
  const std::vector<size_t>& tasks() const { return tasks_; }
  /// One more objective of the balancing method, instead of a term beside it.
  bool balanced() const { return options_.balance; }
  /// λ in an epoch, counted from 0: 0 before `start_epoch`, then a share that grows by 1 / `ramp_epochs` an epoch.
  double weight(int64_t epoch) const;

  void attach(const std::vector<std::unique_ptr<TaskType>>& tasks);
  /// `outputs`: of all tasks of the model, those of its own being there; see Coupling::value.
  at::Tensor value(const std::vector<at::Tensor>& outputs, const at::Tensor& observed);
  at::Tensor residual(const std::vector<at::Tensor>& outputs) const { return coupling_->residual(own(outputs)); }

 private:
  std::vector<at::Tensor> own(const std::vector<at::Tensor>& outputs) const;

  CouplingTermOptions options_;
  std::unique_ptr<Coupling> coupling_;
  std::vector<size_t> tasks_;
};

/// Fits the couplings that ask for it on training rows, which are read once for all of them.
void fit_couplings(std::vector<CouplingTerm>& couplings, const Dataset& dataset, const std::vector<int64_t>& rows);

/// Adds a batch's figures (Coupling::figures) to the sums so far, which may be empty.
void add_figures(const std::vector<std::pair<std::string, double>>& figures,
                 std::vector<std::pair<std::string, double>>& sums);

/// Where every image input of a batch has data: bool [B, H, W]; undefined: everywhere.
at::Tensor observed_everywhere(const Batch& batch);

}  // namespace polytask
