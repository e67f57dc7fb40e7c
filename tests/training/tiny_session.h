#pragma once
#include "support/experiments.h"

#include <polytask/core/error.h>
#include <polytask/core/random.h>
#include <polytask/training/step.h>

#include <ATen/ATen.h>

#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

/// A session without data: three tasks ("kind", three classes; "size" and "age", a number each) on pictures of 16 × 16,
/// and an optimiser for it. Sections in YAML.
struct TinySession {
  Session session;
  std::unique_ptr<GroupedOptimizer> optimizer;
  Random random{3, "balance"};

  TinySession(const std::string& model, const std::string& balancing, const std::string& on_nan = "stop") {
    session.experiment.train.on_nan = on_nan;
    const Batch fitted = batch(0);
    std::vector<int64_t> rows(static_cast<size_t>(fitted.size()));
    std::iota(rows.begin(), rows.end(), int64_t{0});
    ModelContext context;
    context.input_shapes["image"] = {1, 16, 16};
    std::vector<TaskInfo> infos;
    for (const char* name : {"kind", "size", "age"}) {
      const std::string text = std::string(name) == "kind"
                                   ? "{type: classification, target: kind, classes: 3}"
                                   : std::string("{type: regression, target: ") + name + ", standardise: false}";
      session.tasks.push_back(create_task(name, resolve_task_section(parse_yaml(text, "test.yaml"))));
      session.tasks.back()->fit({fitted.targets.at(name), {}, {}, {}, nullptr}, rows);
      context.tasks.push_back({name, session.tasks.back()->outputs(), {}});
      infos.push_back({name, std::string(name) == "kind" ? "classification" : "regression", 1});
    }
    session.model = create_model(parse_yaml(model, "test.yaml"), context);
    session.balancer = balancers().create(parse_yaml(balancing, "test.yaml"));
    session.balancer->method().setup(infos);
    session.balancer->prepare({session.model->model_parameters(), session.model->last_shared_layer(),
                               session.model->shares_representation()});
    optimizer = std::make_unique<GroupedOptimizer>(session.experiment.optimizer, session.model->model_parameters(),
                                                   session.balancer->method().parameters(), session.task_names());
    session.model->begin_epoch(0, 2);
    session.model->train();
  }

  /// Six samples, other ones for every number; without labels for `absent`.
  static Batch batch(int64_t number, const std::string& absent = "") {
    seed_torch(static_cast<uint64_t>(number), "tiny/batch");
    Batch result;
    result.inputs["image"] = at::randn({6, 1, 16, 16});
    result.targets["kind"] = at::tensor({0, 1, 2, 0, 1, 2}, at::kLong);
    result.targets["size"] = at::randn({6, 1});
    result.targets["age"] = at::randn({6, 1}) + 1;
    result.targets.erase(absent);
    result.rows = {0, 1, 2, 3, 4, 5};
    return result;
  }

  /// One optimiser step on batches `number`, `number` + 1, … as many as the method needs.
  StepResult step(int64_t number, const std::string& absent = "", bool measure = false) {
    std::vector<Batch> batches;
    for (int64_t i = 0; i < session.balancer->method().needs().independent_batches; ++i)
      batches.push_back(batch(number + i, absent));
    LossState state;
    state.step = steps_++;
    return Stepper(session, *optimizer, random).step(batches, state, measure);
  }

 private:
  int64_t steps_ = 0;
};

}  // namespace polytask
