#include "kinds.h"
#include "sharing.h"
#include "task_encoders.h"

#include <polytask/nn/sharing/ltb.h>

#include <ATen/ATen.h>

#include <cmath>
#include <utility>

namespace polytask::golden {
namespace {

struct Schedule {
  int64_t epoch = 0, epochs = 0;
  double temperature() const { return static_cast<double>(epochs) / 20 / std::sqrt(static_cast<double>(epoch + 1)); }
};

std::shared_ptr<Ltb> make_model(const Case& golden, const Schedule& schedule) {
  LtbOptions options;
  options.warm_up_mix = "sum";
  options.temperature = static_cast<double>(schedule.epochs) / 20;
  return std::make_shared<Ltb>(task_encoders(golden), tasks_of(golden), 1, options);
}

Subject subject_of(const Case& golden, std::shared_ptr<Model> model) {
  const auto tasks = texts(config(golden, "tasks"));
  Subject subject;
  subject.model = std::move(model);
  subject.level = config(golden, "layers").items().size() - 1;
  subject.reference_name = [tasks](const std::string& ours) -> std::string {
    const auto parts = parts_of(ours);
    if (parts[0] == "encoders") return task_encoder_name(parts, tasks);
    const size_t stage = stage_number(parts[1]);
    return stage == 0 ? "" : fmt::format("encoder.alpha[{}]", stage);  // not the state of the schedule
  };
  return subject;
}

void add_outputs(const std::string& prefix, const NamedTensors& outputs, NamedTensors& results) {
  for (const auto& [task, output] : outputs) results[prefix + task] = output.detach();
}

}  // namespace

NamedTensors run_ltb(const Case& golden) {
  const Schedule schedule{integer_of(config(golden, "epoch")), integer_of(config(golden, "epochs"))};
  const auto model = make_model(golden, schedule);
  Subject subject = subject_of(golden, model);
  const NamedTensors decoders = decoders_of(golden);
  load_reference(golden, subject);
  model->train(!boolean_of(config(golden, "eval_mode")));

  NamedTensors results;
  model->begin_epoch(0, schedule.epochs);
  add_outputs("warmup.", outputs_of(golden, subject, decoders, "x0"), results);

  const at::Tensor noise = golden.input.at("gumbel");
  model->begin_epoch(schedule.epoch, schedule.epochs);
  model->set_noise(noise.slice(0, 1, static_cast<int64_t>(subject.level) + 2));
  const NamedTensors outputs = outputs_of(golden, subject, decoders, "x0");
  add_outputs("gumbel.", outputs, results);
  const at::Tensor loss = loss_of(golden, outputs);
  loss.backward();
  results["loss"] = loss.detach().reshape({1});
  results["tau"] = at::full({1}, model->temperature(), at::kDouble);
  results["alpha_hard"] = straight_through_choice(golden.weights.at("encoder.alpha"), noise, schedule.temperature());
  results.merge(gradients_of(golden, subject, decoders));
  return results;
}

}  // namespace polytask::golden
