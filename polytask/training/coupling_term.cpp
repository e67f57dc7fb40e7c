#include <polytask/allometry/couplings.h>
#include <polytask/core/error.h>
#include <polytask/core/suggest.h>
#include <polytask/training/coupling_term.h>

#include <algorithm>

namespace polytask {
namespace {

bool is_own(const std::string& key) {
  const auto own = describe_fields([](Fields& f) { CouplingTermOptions().fields(f); });
  return std::any_of(own.begin(), own.end(), [&](const auto& field) { return field.name == key; });
}

// The entries of the section that are every coupling's, or the others.
Node part_of(const Node& section, bool own) {
  Node part = Node::map_of();
  part.place = section.place;
  part.path = section.path;
  for (const auto& [key, value] : section.entries())
    if (is_own(key) == own) part.set(key, value);
  return part;
}

// One batch of the coupling's targets.
void observe(Coupling& coupling, const Batch& batch) {
  std::vector<at::Tensor> targets, valid;
  for (const auto& task : coupling.tasks()) {
    targets.push_back(batch.targets.at(task));
    valid.push_back(batch.mask(task));
  }
  coupling.observe(targets, valid);
}

}  // namespace

void CouplingTermOptions::fields(Fields& f) {
  f.field("weight", weight,
          "λ, the factor of the term in the objective; 0 leaves it out of training, though it is logged", at_least(0));
  f.field("start_epoch", start_epoch, "the first epoch, counted from 0, in which it takes part", at_least(0));
  f.field("ramp_epochs", ramp_epochs,
          "epochs from `start_epoch` over which the weight grows to its full size; 0: at once", at_least(0));
  f.field(
      "balance", balance,
      "hand the weighted term to the balancing method as one more objective, instead of adding it to what the method "
      "gives");
}

Node resolve_coupling_section(const Node& section) {
  if (!section.is_map()) throw InputError("{}: expected a map of options", section.where());
  Node resolved = couplings().resolve(part_of(section, false));
  const Node own = write_options(read_options<CouplingTermOptions>(part_of(section, true)));
  for (const auto& [key, value] : own.entries()) resolved.set(key, value);
  return resolved;
}

CouplingTerm::CouplingTerm(const std::string& name, const Node& section,
                           const std::vector<std::unique_ptr<TaskType>>& tasks)
    : options_(read_options<CouplingTermOptions>(part_of(section, true))),
      coupling_(couplings().create(part_of(section, false), name)) {
  std::vector<std::string> known;
  known.reserve(tasks.size());
  for (const auto& task : tasks) known.push_back(task->name());
  if (std::find(known.begin(), known.end(), name) != known.end())
    throw InputError("{}: the coupling is named like a task; give it a name of its own", section.where());
  for (const auto& task : coupling_->tasks()) {
    const auto found = std::find(known.begin(), known.end(), task);
    if (found == known.end())
      throw InputError("{}: coupling \"{}\" needs a task \"{}\", and there is none{}", section.where(), name, task,
                       did_you_mean(task, known));
    tasks_.push_back(static_cast<size_t>(found - known.begin()));
  }
}

double CouplingTerm::weight(int64_t epoch) const {
  if (epoch < options_.start_epoch) return 0;
  if (options_.ramp_epochs == 0) return options_.weight;
  const auto into = static_cast<double>(epoch - options_.start_epoch + 1);
  return options_.weight * std::min(1.0, into / static_cast<double>(options_.ramp_epochs));
}

void CouplingTerm::attach(const std::vector<std::unique_ptr<TaskType>>& tasks) {
  std::vector<const TaskType*> own;
  for (const size_t t : tasks_) own.push_back(tasks[t].get());
  coupling_->attach(own);
}

std::vector<at::Tensor> CouplingTerm::own(const std::vector<at::Tensor>& outputs) const {
  std::vector<at::Tensor> own;
  for (const size_t t : tasks_) own.push_back(outputs[t]);
  return own;
}

at::Tensor CouplingTerm::value(const std::vector<at::Tensor>& outputs, const at::Tensor& observed) {
  return coupling_->value(own(outputs), observed);
}

void fit_couplings(std::vector<CouplingTerm>& couplings, const Dataset& dataset, const std::vector<int64_t>& rows) {
  std::vector<Coupling*> asking;
  for (auto& term : couplings)
    if (term.coupling().needs_fit()) asking.push_back(&term.coupling());
  if (asking.empty()) return;
  constexpr size_t kRows = 16;
  for (size_t begin = 0; begin < rows.size(); begin += kRows) {
    const Batch batch = dataset.labels({rows.data() + begin, std::min(kRows, rows.size() - begin)});
    for (auto* coupling : asking) observe(*coupling, batch);
  }
  for (auto* coupling : asking) coupling->finish_fit();
}

void add_figures(const std::vector<std::pair<std::string, double>>& figures,
                 std::vector<std::pair<std::string, double>>& sums) {
  if (sums.empty()) {
    sums = figures;
    return;
  }
  for (size_t i = 0; i < figures.size(); ++i) sums[i].second += figures[i].second;
}

at::Tensor observed_everywhere(const Batch& batch) {
  at::Tensor all;
  for (const auto& [input, mask] : batch.observed) all = all.defined() ? all.logical_and(mask) : mask;
  return all;
}

}  // namespace polytask
