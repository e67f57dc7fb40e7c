#pragma once
#include <polytask/allometry/accumulator.h>
#include <polytask/allometry/allometry_loss.h>
#include <polytask/allometry/fit.h>
#include <polytask/allometry/observations.h>
#include <polytask/allometry/parameters.h>
#include <polytask/objectives/coupling.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

struct AllometryOptions {
  std::string genus, height, biomass;
  Node parameters;  ///< "training", a file, or a map of scalars
  std::optional<std::string> law, pooling, criterion;
  std::optional<double> min_height_m;
  std::string average = "pixels", correction = "none";
  std::vector<std::string> detach;
  void fields(Fields& f);
};

/// The species-aware allometric term between a genus, a height and a biomass task (see allometry_loss.h). Its
/// parameters come from a file, from scalars for every genus alike, or from a fit of the training targets. The state
/// holds what a file said or the fit found, and is used as long as `parameters`, law, pooling and criterion are what
/// they were; others are read instead, a fit is refused.
class AllometryCoupling : public Coupling {
 public:
  AllometryCoupling(AllometryOptions options, const std::string& name);

  const AllometryOptions& options() const { return options_; }
  /// Pixels count where the height is above it (m).
  double min_height_m() const;
  std::vector<std::string> tasks() const override { return {options_.genus, options_.height, options_.biomass}; }
  /// Also InputError for classes without parameters, another law or unit than asked for, β ≤ 0 where it must be above
  /// 0.
  void attach(const std::vector<const TaskType*>& tasks) override;
  bool needs_fit() const override { return from_training_ && !parameters_.law; }
  void observe(const std::vector<at::Tensor>& targets, const std::vector<at::Tensor>& valid) override;
  /// Throws InputError where no target is left above the height threshold or a class has no parameters.
  void finish_fit() override;
  at::Tensor value(const std::vector<at::Tensor>& outputs, const at::Tensor& observed) override;
  std::optional<int64_t> averaged_over() const override { return averaged_; }
  bool has_residual() const override { return true; }
  /// log B − log B_allo.
  at::Tensor residual(const std::vector<at::Tensor>& outputs) const override;
  /// "active": pixels above the threshold, "clamped": those of them whose biomass is at or below 1e-6.
  std::vector<std::pair<std::string, double>> figures() const override;
  Node state() const override;
  void load_state(const Node& state) override { saved_ = state; }

  /// The term from raw outputs, with the residual log B − log B_allo [B, H, W]. A method of the class, so that maps and
  /// sensitivity show what was trained.
  AllometryLoss evaluate(const std::vector<at::Tensor>& outputs, const at::Tensor& observed) const;

 private:
  void check_correction() const;
  Fit fit_statistics() const;
  void read_scalars();
  void take(const LawParameters& parameters);
  void choose_parameters();
  Node choice() const;
  bool is_saved_choice() const;

  AllometryOptions options_;
  bool from_training_ = false;
  std::vector<const TaskType*> tasks_;
  AllometryParameters parameters_;  // law is null until they are known
  std::optional<double> file_min_height_m_;
  Node parameters_node_;       // a parameter file's content, or what finish_fit found
  std::optional<Node> saved_;  // the state that was loaded
  std::unique_ptr<Accumulator> statistics_;
  RowCounts counts_;
  int64_t active_ = 0, clamped_ = 0, averaged_ = 0;
};

/// Adds `allometry`.
void register_allometry(CouplingRegistry& registry);

}  // namespace polytask
