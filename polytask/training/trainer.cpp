#include <polytask/core/error.h>
#include <polytask/core/interrupt.h>
#include <polytask/core/log.h>
#include <polytask/core/memory.h>
#include <polytask/core/progress.h>
#include <polytask/objectives/direction.h>
#include <polytask/training/trainer.h>

#include <fmt/ranges.h>

#include <ATen/Context.h>

#include <chrono>
#include <cmath>

namespace polytask {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

at::Generator torch_generator(const c10::Device& device) { return at::globalContext().defaultGenerator(device); }

std::vector<int64_t> words_of(const at::Tensor& tensor) {
  const auto words = tensor.contiguous();
  return {words.data_ptr<int64_t>(), words.data_ptr<int64_t>() + words.numel()};
}

// Without validation rows the default monitor falls back to the training loss; an explicit one is a mistake.
std::string choose_monitor(const Session& session) {
  const std::string& asked = session.experiment.train.monitor;
  if (!session.data.split.validation.empty() || asked == "train/loss") return asked;
  if (asked != "val/loss")
    throw InputError("train.monitor: \"{}\" needs validation rows, and there are none; set data.split.validation",
                     asked);
  log_warning("no validation rows: the best checkpoint is judged by train/loss; set data.split.validation for more");
  return "train/loss";
}

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

int64_t count_batches(const Session& session) {
  const auto rows = static_cast<int64_t>(session.data.sampler->order(session.experiment.seed, 0).size());
  const auto& loader = session.data.loader;
  const int64_t batches = loader.drop_last ? rows / loader.batch_size : ceil_div(rows, loader.batch_size);
  if (batches == 0)
    throw InputError("data: {} training rows do not make one batch of {} (drop_last: true); lower data.batch_size",
                     rows, loader.batch_size);
  return batches;
}

// Batches that do not fill every independent sample of a last step are left out of the epoch.
int64_t count_steps(const Session& session, int64_t batches) {
  const int64_t samples = session.balancer->method().needs().independent_batches;
  if (batches < samples)
    throw InputError(
        "balancing: this method takes {} independent batches a step, but an epoch has {}; lower "
        "data.batch_size",
        samples, batches);
  return ceil_div(batches / samples, session.experiment.train.accumulate);
}

}  // namespace

Trainer::Trainer(Session& session, RunDirectory& run, const Checkpoint* resume)
    : session_(session),
      run_(run),
      options_(session.experiment.train),
      monitor_(choose_monitor(session)),
      optimizer_(session.experiment.optimizer, session.model->model_parameters(),
                 session.balancer->method().parameters(), session.task_names()),
      balance_random_(session.experiment.seed, "balance"),
      stepper_(session, optimizer_, balance_random_),
      batches_per_epoch_(count_batches(session)),
      batches_per_step_(options_.accumulate * session.balancer->method().needs().independent_batches),
      steps_per_epoch_(count_steps(session, batches_per_epoch_)),
      total_steps_(options_.max_steps > 0 ? std::min(options_.max_steps, options_.epochs * steps_per_epoch_)
                                          : options_.epochs * steps_per_epoch_),
      schedule_(session.experiment.schedule, total_steps_, steps_per_epoch_) {
  progress_.loss_sums.assign(session.objective_names().size(), 0.0);
  progress_.loss_weights.assign(session.objective_names().size(), 0.0);
  seed_torch(session.experiment.seed, "train/noise");
  if (resume != nullptr) restore(*resume);
}

void Trainer::restore(const Checkpoint& checkpoint) {
  for (const char* key : {"progress", "schedule"})
    if (checkpoint.info.find(key) == nullptr)
      throw InputError("{}: the checkpoint holds no \"{}\"", checkpoint.info.where(), key);
  progress_ = TrainingProgress::from_node(*checkpoint.info.find("progress"));
  schedule_.load_state(*checkpoint.info.find("schedule"));
  load_balancing(checkpoint, session_);
  optimizer_.load_state(checkpoint.part("optimizer."));
  const auto random = checkpoint.part("random.");
  if (random.count("balance") == 0 || random.count("torch") == 0)
    throw InputError("{}: the checkpoint holds no state of the random streams", checkpoint.info.where());
  balance_random_.set_state(words_of(random.at("balance")));
  auto generator = torch_generator(session_.device);
  generator.set_state(random.at("torch"));
}

void Trainer::save(const std::filesystem::path& path) {
  Checkpoint checkpoint;
  checkpoint.info = Node::map_of({{"progress", progress_.to_node()}, {"schedule", schedule_.state()}});
  save_session(session_, checkpoint);
  checkpoint.add("optimizer.", optimizer_.state());
  checkpoint.add("balancing.parameters.", session_.balancer->method().parameters());
  checkpoint.add("balancing.state.", session_.balancer->state());
  checkpoint.tensors["random.balance"] = at::tensor(balance_random_.state(), at::kLong);
  checkpoint.tensors["random.torch"] = torch_generator(session_.device).get_state();
  save_checkpoint(path, checkpoint);
}

bool Trainer::done() const {
  return stopped_early_ || progress_.epoch >= options_.epochs ||
         (options_.max_steps > 0 && progress_.step >= options_.max_steps);
}

TrainResult Trainer::run() {
  log_.emplace(run_.path(), session_.objective_names(), session_.coupling_names(),
               session_.experiment.tracking.tensorboard, progress_.step);
  run_.set_status("running");
  stopped_early_ = options_.early_stop.patience > 0 && progress_.epochs_without_best >= options_.early_stop.patience;
  try {
    while (!done()) train_epoch();
    auto result = conclude();
    run_.set_fact("peak_memory_bytes", Node::scalar_of(std::to_string(peak_memory_bytes())));
    run_.set_status("finished");
    return result;
  } catch (const Interrupted&) {
    run_.set_status("interrupted");
    throw;
  } catch (const std::exception& e) {
    try {
      log_->event(progress_.step, e.what());
      run_.set_status("failed");
    } catch (const Error&) {
      // The disk that made the run fail cannot take the note of it either; the error itself is what counts.
    }
    throw;
  }
}

void Trainer::train_epoch() {
  const auto start = Clock::now();
  apply_freeze_rules(*session_.model, session_.freeze, progress_.epoch);
  session_.model->begin_epoch(progress_.epoch, options_.epochs);
  session_.model->train();
  Loader loader(*session_.data.dataset, session_.data.loader, session_.experiment.seed, session_.data.augment);
  loader.start(session_.data.sampler->order(session_.experiment.seed, progress_.epoch), progress_.epoch,
               progress_.batch);

  Progress bar(fmt::format("epoch {}/{}", progress_.epoch + 1, options_.epochs), batches_per_epoch_, "batches");
  std::vector<Batch> batches;
  while (auto batch = loader.next()) {
    batches.push_back(std::move(*batch));
    const bool last = batches.back().number + 1 >= batches_per_epoch_;
    if (static_cast<int64_t>(batches.size()) < batches_per_step_ && !last) continue;
    take_step(batches);
    bar.update(progress_.batch, fmt::format("loss {:.4g}", last_objective_));
    if (done()) break;
    const int64_t every = options_.checkpoint_every;
    if (every > 0 && progress_.step % every == 0 && progress_.batch < batches_per_epoch_) save(run_.last_checkpoint());
    stop_if_asked();
  }
  if (!batches.empty()) take_step(batches);  // where the last batch of the epoch was left out
  bar.finish();
  for (const auto& name : loader.skipped()) log_warning("left out: {}", name);
  finish_epoch(seconds_since(start));
}

// Takes the optimiser step of the gathered batches and empties them.
void Trainer::take_step(std::vector<Batch>& batches) {
  const auto start = Clock::now();
  const int64_t next_batch = batches.back().number + 1;
  const auto samples_taken = static_cast<size_t>(batches_per_step_ / options_.accumulate);
  batches.resize(batches.size() / samples_taken * samples_taken);
  if (batches.empty()) return;
  const auto& tracking = session_.experiment.tracking.gradients;
  const bool first_of_epoch = progress_.batch == 0;
  const bool measure =
      tracking.every > 0 ? progress_.step % tracking.every == 0 : tracking.every == 0 && first_of_epoch;

  LossState state;
  state.step = progress_.step;
  state.epoch = progress_.epoch;
  state.epoch_losses = progress_.epoch_losses;
  session_.progress = state;
  optimizer_.set_factor(schedule_.factor(progress_.step));
  const auto result = stepper_.step(batches, std::move(state), measure);

  double samples = 0;
  for (const auto& batch : batches) samples += static_cast<double>(batch.size());
  progress_.batch = next_batch;
  batches.clear();
  record(result, samples, seconds_since(start));
}

void Trainer::record(const StepResult& result, double samples, double seconds) {
  const int64_t step = ++progress_.step;
  if (!result.weights.w.empty()) {
    last_weights_ = result.weights;
    last_objective_ = result.objective();
  }
  if (!result.not_finite.empty()) {
    if (result.skipped) ++progress_.skipped_steps;
    progress_.dropped_losses += static_cast<int64_t>(result.not_finite.size());
    log_warning("step {}: not finite: {}; {}", step, fmt::join(result.not_finite, ", "),
                result.skipped ? "the step is skipped" : "left out of the batch");
    log_->event(step, fmt::format("not finite: {}", fmt::join(result.not_finite, ", ")));
  }
  note_solver(result, step);
  for (size_t t = 0; t < result.losses.size(); ++t) {
    if (std::isnan(result.losses[t])) continue;
    progress_.loss_sums[t] += samples * result.losses[t];
    progress_.loss_weights[t] += samples;
  }
  progress_.coupled_sum += samples * result.coupled;
  progress_.coupled_weight += samples;
  const auto& tracking = session_.experiment.tracking;
  const bool failed = result.weights.solver && !result.weights.solver->solved;
  if (step % tracking.log_every == 0 || !result.gradient_norms.empty() || failed) {
    const double rate = session_.experiment.optimizer.lr * schedule_.factor(step - 1);
    log_->step(step, progress_.epoch, result, rate, seconds);
  }
}

// A balancing problem without a solution is no reason to stop, but it must be seen: each one is in the log and counted,
// the first also warned of.
void Trainer::note_solver(const StepResult& result, int64_t step) {
  if (!result.weights.solver || result.weights.solver->solved) return;
  if (progress_.failed_solves++ > 0) return;
  log_warning(
      "step {}: the balancing problem has no solution that the solver could find (residual {:.2g}); the method's "
      "fallback was used, see docs/balancing.md; further ones are counted",
      step, result.weights.solver->residual);
  log_->event(step, "first fallback of the balancing solver");
}

void Trainer::finish_epoch(double seconds) {
  std::vector<double> train_losses;
  for (size_t t = 0; t < progress_.loss_sums.size(); ++t)
    train_losses.push_back(progress_.loss_weights[t] > 0 ? progress_.loss_sums[t] / progress_.loss_weights[t]
                                                         : std::nan(""));
  const auto validation = validate();
  log_->epoch(progress_.step, progress_.epoch, train_losses, validation ? &*validation : nullptr, seconds);

  const double coupled = progress_.coupled_weight > 0 ? progress_.coupled_sum / progress_.coupled_weight : 0;
  progress_.coupled_sum = progress_.coupled_weight = 0;
  progress_.epoch_losses.push_back(train_losses);
  progress_.loss_sums.assign(train_losses.size(), 0.0);
  progress_.loss_weights.assign(train_losses.size(), 0.0);
  ++progress_.epoch;
  progress_.batch = 0;
  const bool best = judge(validation ? &*validation : nullptr, train_losses, coupled);
  if (best) save(run_.best_checkpoint());
  save(run_.last_checkpoint());
  stopped_early_ = options_.early_stop.patience > 0 && progress_.epochs_without_best >= options_.early_stop.patience;
  stop_if_asked();
}

// An interruption here leaves a checkpoint at the end of the epoch's steps, from which a resumed run validates again.
std::optional<Evaluation> Trainer::validate() {
  const auto& rows = session_.data.split.validation;
  if (rows.empty()) return std::nullopt;
  try {
    return evaluate(session_, *session_.data.dataset, rows, "validation");
  } catch (const Interrupted&) {
    stop_if_asked();
    throw;
  }
}

// Compares the monitored value with the best so far; tells the schedule.
bool Trainer::judge(const Evaluation* validation, const std::vector<double>& train_losses, double coupled) {
  MetricValue value;
  value.direction = Direction::lower_is_better;
  if (monitor_ == "train/loss") {
    LossState state = session_.progress;
    state.losses = train_losses;
    state.present.clear();
    for (double loss : train_losses) state.present.push_back(std::isfinite(loss) ? 1 : 0);
    value.value = session_.balancer->evaluate(state).objective + coupled;
  } else {
    const std::string key = monitor_.rfind("val/", 0) == 0 ? monitor_.substr(4) : monitor_;
    value = validation->find(key, session_.objective_names());
  }
  value.value = judged_value(value.value, value.direction);
  const bool lower = value.direction != Direction::higher_is_better;
  const double gain = lower ? progress_.best - value.value : value.value - progress_.best;
  const bool better = std::isfinite(value.value) && (!progress_.has_best || gain > options_.early_stop.min_delta);
  progress_.epochs_without_best = better ? 0 : progress_.epochs_without_best + 1;
  if (better) {
    progress_.has_best = true;
    progress_.best = value.value;
    progress_.best_step = progress_.step;
    progress_.best_epoch = progress_.epoch;
  }
  schedule_.epoch_ended(value.value, lower);
  log_info("epoch {}: {} {:.5g}{}", progress_.epoch, monitor_, value.value, better ? " (best so far)" : "");
  return better;
}

void Trainer::stop_if_asked() {
  const int signal = interrupt_signal();
  if (signal == 0) return;
  if (progress_.batch > 0) save(run_.last_checkpoint());
  throw Interrupted(fmt::format("interrupted after step {}; go on by `polytask train --resume {}`", progress_.step,
                                run_.path().string()));
}

TrainResult Trainer::conclude() {
  TrainResult result;
  result.tasks = session_.objective_names();
  result.monitor = monitor_;
  result.stopped_early = stopped_early_;
  result.run = run_.path().string();
  result.progress = progress_;
  const auto best = load_checkpoint(find_checkpoint(run_.path(), "best"));
  session_.model->load_state(best.part("model."), run_.best_checkpoint().string());
  load_balancing(best, session_);
  const auto measure = [&](const std::vector<int64_t>& rows, const std::string& split) -> std::optional<Evaluation> {
    if (rows.empty()) return {};
    auto evaluation = evaluate(session_, *session_.data.dataset, rows, split);
    log_->evaluation(progress_.step, split, evaluation);
    return evaluation;
  };
  result.validation = measure(session_.data.split.validation, "validation");
  if (options_.test) result.test = measure(session_.data.split.test, "test");
  return result;
}

}  // namespace polytask
