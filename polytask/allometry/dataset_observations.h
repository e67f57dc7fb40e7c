#pragma once
#include <polytask/allometry/observations.h>
#include <polytask/core/progress.h>
#include <polytask/data/dataset.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

/// What rows of a data set say of the targets of a genus, a height and a biomass task, per pixel or per row: what the
/// allometric coupling is fitted on with `parameters: training`.
class DatasetObservations : public Observations {
 public:
  /// `tasks`: names of the genus, the height and the biomass task. `class_names`: what the targets of the first are
  /// indices into; all are genera, in their order. `group`: a column of the source whose values group rows, "": none;
  /// InputError where there is no such column. `dataset` must outlive the object.
  DatasetObservations(const Dataset& dataset, std::vector<int64_t> rows, std::array<std::string, 3> tasks,
                      const std::vector<std::string>& class_names, const std::string& group);
  bool read(std::vector<Observation>& block) override;
  bool single_precision() const override { return true; }
  std::string name() const override { return "the training rows"; }

 private:
  const Dataset& dataset_;
  std::vector<int64_t> rows_;
  std::array<std::string, 3> tasks_;
  std::vector<int32_t> numbers_;  // among genera(), of each class
  std::vector<int32_t> group_;    // of each row of the source; empty: one for all
  size_t next_ = 0;
  Progress progress_;
};

}  // namespace polytask
