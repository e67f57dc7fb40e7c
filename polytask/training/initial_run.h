#pragma once
#include <polytask/training/session.h>

#include <map>
#include <string>
#include <vector>

namespace polytask {

/// A trained run that another experiment starts from (`model.init_from`): its best checkpoint, or the last where it has
/// no best. The new experiment keeps the run's inputs and trunk; of its tasks, those of the same name go on with their
/// fitted facts (classes, target scaling) and heads.
class InitialRun {
 public:
  /// Opens the run on the CPU. InputError where `path` is no run, or has no checkpoint yet.
  explicit InitialRun(const std::string& path);

  /// Fitted preprocessing of the run's inputs.
  const std::vector<Preprocess>& preprocess() const { return run_.preprocess; }
  bool has_task(const std::string& name) const;

  /// What to ask of the data for `task` (resolved `section`): classes of a task that goes on are the run's, in its
  /// order. InputError where a target of any task is an input of the run, or where a task of the same name is something
  /// else there (type, log, standardise, class_names).
  TargetRequest request(const TaskType& task, const Node& section) const;
  /// What to say where `source`, opened for `now`, holds data that the run divided by another seed: then its training
  /// rows may be validation or test rows. "" where that can not be.
  std::string split_warning(const Experiment& now, const Source& source) const;
  /// The run's fitted facts into a task of the same name.
  void load_task(TaskType& task) const;
  /// Copies the run's parameters and buffers into `model`: the trunk's and those of tasks of the same name, all of
  /// which must be there with the same shape (InputError names the first ten differences); what belongs to new tasks
  /// stays as it was initialised. Returns what was loaded, left out and new, for the log.
  std::string load_model(Model& model) const;

 private:
  std::string path_, checkpoint_;
  Session run_;
};

/// Whether another seed of the experiment divides its rows otherwise: a share of them (of the whole or of one of
/// several data sets) is drawn without a seed of the split. `data` is the resolved section.
bool split_follows_seed(const Node& data);

/// Whose each parameter and buffer of a model is: name in the state → task, "" where it is shared. A buffer belongs to
/// the task that all parameters of its module belong to (or of the nearest module around it that has parameters).
std::map<std::string, std::string> owners_of(Model& model);

}  // namespace polytask
