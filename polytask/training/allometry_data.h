#pragma once
#include <polytask/allometry/allometry_coupling.h>
#include <polytask/data/data_module.h>
#include <polytask/training/coupling_term.h>
#include <polytask/training/experiment.h>

#include <memory>
#include <string>
#include <vector>

namespace polytask {

/// The allometric coupling of the given name among an experiment's; "": the only one there is. `where` begins messages.
/// Throws InputError where there is none, or there are several and none is named.
CouplingTerm& allometry_term(std::vector<CouplingTerm>& couplings, const std::string& name, const std::string& where);
/// Its coupling as what it is.
const AllometryCoupling& allometry_of(const CouplingTerm& term);

/// The data of an experiment and the tasks that its allometric coupling ties together, fitted on the training rows;
/// without a model, and without the coupling's parameters.
struct AllometryData {
  DataModule data;
  std::vector<std::unique_ptr<TaskType>> tasks;  ///< all of the experiment's
  std::string coupling;                          ///< its name
  AllometryOptions options;                      ///< of the coupling
  const TaskType* genus = nullptr;
  const TaskType* height = nullptr;
  const TaskType* biomass = nullptr;
};

/// Opens them. `coupling` as in allometry_term(). Throws InputError also where one of the three tasks has no label per
/// pixel.
AllometryData open_allometry_data(const Experiment& experiment, const std::string& coupling, const std::string& where);

}  // namespace polytask
