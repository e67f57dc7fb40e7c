#pragma once
#include <polytask/core/error.h>
#include <polytask/objectives/loss.h>
#include <polytask/objectives/metric.h>

#include <memory>
#include <string>
#include <vector>

namespace polytask {

/// A member of a registry as a map: `name` → {type: name}; {name: {options}} → {type: name, options}; {type: name, …}
/// as it is.
Node as_member(const Node& given);

// Options that every task type has. Each is to be called from an options struct's fields(); besides reading and writing
// they bring what the user wrote into one form, so that resolving a section a second time changes nothing.

/// `loss`: a name, or a map {type: name, …} → a map with every default of that loss.
template <class Losses>
void loss_field(Fields& f, Node& loss, const Losses& losses) {
  f.field("loss", loss, "name of the loss, or a map {type: name, options}");
  loss = losses.resolve(as_member(loss));
}

/// `metrics`: a list of names, maps {type: top_k, k: 3} or {top_k: {k: 3}} → names, or maps with every default where a
/// metric has options.
void metrics_field(Fields& f, Node& metrics, const MetricRegistry& known);

/// `target`, written as a text where it is one; a list is read too.
void target_field(Fields& f, std::vector<std::string>& target);

/// `target` of a task with a label per pixel: the name of a layer.
void layer_field(Fields& f, std::string& target);

/// One text under `one`, or a list under `many` (either key takes either). Where both are given the lists join.
void one_or_many_field(Fields& f, const std::string& one, const std::string& many, std::vector<std::string>& values,
                       const std::string& doc);

/// `loss_scale` κ.
void loss_scale_field(Fields& f, double& loss_scale);

/// Runs `create`; an InputError that does not say which task it is about gets that in front.
template <class Create>
auto naming_task(const std::string& task, Create create) {
  try {
    return create();
  } catch (const InputError& error) {
    const std::string message = error.what();
    const bool named = message.find("\"" + task + "\"") != std::string::npos ||  // a message of the task's
                       message.find("." + task + ".") != std::string::npos;      // or one with a key path
    if (named) throw;
    throw InputError("task \"{}\": {}", task, message);
  }
}

/// Creates the metrics of a resolved list. Throws InputError where two have the same name.
std::vector<std::unique_ptr<Metric>> create_metrics(const Node& metrics, const MetricRegistry& known, int64_t classes);

/// The task's target expressions if there is at least one, none empty, none twice; throws InputError otherwise.
const std::vector<std::string>& checked_targets(const std::string& task, const std::vector<std::string>& targets);
/// The only one; throws InputError, saying what to do instead, where there are several.
const std::string& only_target(const std::string& task, const std::vector<std::string>& targets,
                               const std::string& instead);

}  // namespace polytask
