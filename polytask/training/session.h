#pragma once
#include <polytask/balancing/balancer.h>
#include <polytask/data/data_module.h>
#include <polytask/nn/model.h>
#include <polytask/nn/weights.h>
#include <polytask/objectives/task_type.h>
#include <polytask/training/checkpoint.h>
#include <polytask/training/coupling_term.h>
#include <polytask/training/experiment.h>

#include <c10/core/Device.h>

#include <memory>
#include <string>
#include <vector>

namespace polytask {

/// The objects of an experiment, built and fitted, ready to be trained or asked.
struct Session {
  Experiment experiment;
  c10::Device device = c10::kCPU;
  DataModule data;  ///< empty where the session was opened without data
  std::vector<std::unique_ptr<TaskType>> tasks;
  std::vector<CouplingTerm> couplings;
  std::vector<Preprocess> preprocess;  ///< one per input
  std::shared_ptr<Model> model;
  std::unique_ptr<Balancer> balancer;
  std::vector<FreezeRule> freeze;
  LossState progress;  ///< where training stands (step, epoch, history), for methods that weigh losses in evaluation

  int64_t task_count() const { return static_cast<int64_t>(tasks.size()); }
  std::vector<std::string> task_names() const;
  /// What the balancing method weighs: the tasks, then the couplings that are handed to it.
  std::vector<std::string> objective_names() const;
  std::vector<std::string> coupling_names() const;
};

/// Opens the data, fits preprocessing and tasks on the training rows, builds model and balancer. With `from`,
/// everything fitted comes from that checkpoint instead, and so do the model's weights; labels are numbered by the
/// classes that it knows (InputError where the data's do not fit). Without, and with a run in `model.init_from`, what
/// that run knows is taken from it (see InitialRun).
Session open_session(Experiment experiment, const Checkpoint* from = nullptr);

/// The trained model alone, without any of its data: for prediction and export.
Session open_model(Experiment experiment, const Checkpoint& from);

/// Fitted facts and the model's weights, as open_session and open_model take them up.
void save_session(const Session& session, Checkpoint& checkpoint);

/// The balancing method's learnable scales and state, from a checkpoint of the same experiment.
void load_balancing(const Checkpoint& checkpoint, Session& session);

/// "auto", "cpu", "cuda", "cuda:1" → a device; InputError where it does not exist here.
c10::Device choose_device(const std::string& name);

}  // namespace polytask
