#include <polytask/core/error.h>
#include <polytask/core/log.h>
#include <polytask/core/suggest.h>
#include <polytask/training/allometry_data.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace polytask {
namespace {

const AllometryCoupling* as_allometry(const CouplingTerm& term) {
  return dynamic_cast<const AllometryCoupling*>(&term.coupling());
}

// The data with all targets, and every task fitted on the training rows.
void open_and_fit(const Experiment& experiment, AllometryData& opened) {
  std::vector<TargetRequest> requests;
  for (const auto& task : opened.tasks) requests.push_back(task->target_request());
  opened.data = open_data(experiment.data, requests, experiment.seed);
  for (const auto& warning : opened.data.warnings) log_warning("{}", warning);
  for (const auto& task : opened.tasks)
    task->fit(opened.data.dataset->targets().at(task->name()), opened.data.split.train);
}

}  // namespace

CouplingTerm& allometry_term(std::vector<CouplingTerm>& couplings, const std::string& name, const std::string& where) {
  std::vector<CouplingTerm*> found;
  std::vector<std::string> names;
  for (auto& term : couplings) {
    if (as_allometry(term) == nullptr) continue;
    names.push_back(term.name());
    if (name.empty() || term.name() == name) found.push_back(&term);
  }
  if (names.empty()) throw InputError("{}: couplings: there is none of type allometry", where);
  if (found.empty())
    throw InputError("{}: couplings: there is no allometric one \"{}\"{}; there is {}", where, name,
                     did_you_mean(name, names), fmt::join(names, ", "));
  if (found.size() > 1)
    throw InputError("{}: couplings: several are allometric ({}): choose one with --coupling", where,
                     fmt::join(names, ", "));
  return *found[0];
}

const AllometryCoupling& allometry_of(const CouplingTerm& term) { return *as_allometry(term); }

AllometryData open_allometry_data(const Experiment& experiment, const std::string& coupling, const std::string& where) {
  AllometryData opened;
  for (const auto& [name, section] : experiment.tasks) opened.tasks.push_back(create_task(name, section));
  std::vector<CouplingTerm> couplings;
  for (const auto& [name, section] : experiment.couplings) couplings.emplace_back(name, section, opened.tasks);
  const CouplingTerm& term = allometry_term(couplings, coupling, where);
  opened.coupling = term.name();
  opened.options = allometry_of(term).options();
  for (const size_t t : term.tasks())
    if (!opened.tasks[t]->is_dense())
      throw InputError("{}: coupling \"{}\": task \"{}\" has no label per pixel", where, term.name(),
                       opened.tasks[t]->name());
  open_and_fit(experiment, opened);
  opened.genus = opened.tasks[term.tasks()[0]].get();
  opened.height = opened.tasks[term.tasks()[1]].get();
  opened.biomass = opened.tasks[term.tasks()[2]].get();
  if (opened.genus->class_names().empty())
    throw InputError("{}: coupling \"{}\": task \"{}\" predicts no classes", where, opened.coupling,
                     opened.genus->name());
  return opened;
}

}  // namespace polytask
