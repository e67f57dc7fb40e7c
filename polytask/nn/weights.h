#pragma once
#include <polytask/core/options.h>
#include <polytask/nn/model.h>

#include <string>
#include <vector>

namespace polytask {

/// Where initial weights come from (`model.weights`).
struct WeightsOptions {
  std::string path;  ///< a safetensors file; "" = none
  std::map<std::string, std::string>
      map;                        ///< prefix in the file → in the model (* one part); the longest that fits counts
  bool strict = true;             ///< every name of the model's targeted part found, every shape equal
  std::vector<std::string> skip;  ///< patterns (`*`, `?`) of file names that are left out
  void fields(Fields& f);
};

/// The `model` section besides the options of the sharing architecture: where training starts from, what stays as it
/// is.
struct StartOptions {
  std::string init_from;                  ///< a run directory; "" = none
  Node weights;                           ///< WeightsOptions
  Node freeze;                            ///< a list of FreezeRule
  std::vector<std::string> other_inputs;  ///< what no backbone reads, beside auxiliary inputs of the heads there are
  void fields(Fields& f);
};

/// The keys of the `model` section that are read whatever the sharing architecture: those of StartOptions.
std::vector<std::string> start_keys();

/// What loading did; printed.
struct WeightsReport {
  std::vector<std::string> loaded, skipped, missing, mismatched;
  std::string text() const;
};

/// Throws InputError where strict and anything is missing, unexpected or of another shape (first ten named).
WeightsReport load_weights(Model& model, const WeightsOptions& options);

/// Freezes parameters whose names match a pattern (`backbone.*`) from epoch `from` up to (excluding) epoch `to`. Frozen
/// parameters get no gradient, no weight decay and no change of the optimiser's state; frozen normalisation keeps its
/// running statistics (Model::train).
struct FreezeRule {
  std::string pattern;
  int64_t from = 0;
  int64_t to = -1;  ///< −1: for good
};
/// A list of patterns, or of maps {pattern, from, to}. InputError where a pattern matches no parameter.
std::vector<FreezeRule> parse_freeze_rules(const Node& list);
/// Sets requires_grad for `epoch`; returns whether anything changed.
bool apply_freeze_rules(Model& model, const std::vector<FreezeRule>& rules, int64_t epoch);
/// `*` any run of characters, `?` one.
bool matches_pattern(const std::string& pattern, const std::string& name);

}  // namespace polytask
