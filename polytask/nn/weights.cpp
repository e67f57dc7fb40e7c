#include <polytask/core/error.h>
#include <polytask/io/safetensors.h>
#include <polytask/nn/name_list.h>
#include <polytask/nn/weights.h>

#include <fmt/ranges.h>

#include <torch/utils.h>

#include <algorithm>
#include <set>

namespace polytask {
namespace {

bool starts_with(const std::string& text, const std::string& prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

bool matches_any(const std::vector<std::string>& patterns, const std::string& name) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const auto& p) { return matches_pattern(p, name); });
}

std::map<std::string, std::string> prefixes_of(const WeightsOptions& options) {
  return options.map.empty() ? std::map<std::string, std::string>{{"", ""}} : options.map;
}

// Whether the name (or, with `prefix`, its beginning) is the pattern, in which * stands for any run without a dot.
bool fits(const char* pattern, const char* name, bool prefix) {
  if (*pattern == '\0') return prefix || *name == '\0';
  if (*pattern != '*') return *pattern == *name && fits(pattern + 1, name + 1, prefix);
  do {
    if (fits(pattern + 1, name, prefix)) return true;
  } while (*name != '\0' && *name++ != '.');
  return false;
}

// The model's names of a tensor of the file; none where no prefix fits.
std::vector<std::string> mapped_names(const std::map<std::string, std::string>& prefixes, const std::string& name,
                                      const NamedTensors& own) {
  std::vector<std::string> names;
  for (auto prefix = prefixes.rbegin(); prefix != prefixes.rend();
       ++prefix) {  // of those that fit, the longest is last
    if (!starts_with(name, prefix->first)) continue;
    const std::string target = prefix->second + name.substr(prefix->first.size());
    for (const auto& [known, tensor] : own)
      if (fits(target.c_str(), known.c_str(), false)) names.push_back(known);
    break;
  }
  return names;
}

bool is_targeted(const std::map<std::string, std::string>& prefixes, const std::string& name) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const auto& p) { return fits(p.second.c_str(), name.c_str(), true); });
}

// What goes where: copies to make, and the names that the report lists.
struct Plan {
  WeightsReport report;
  std::vector<std::string> unexpected;
  NamedTensors copies;           // model name → the file's tensor
  std::set<std::string> spared;  // model names that no copy is expected for
};

void plan_copy(const std::string& name, const at::Tensor& tensor, const std::string& target,
               const WeightsOptions& options, const NamedTensors& own, Plan& plan) {
  if (own.at(target).sizes() != tensor.sizes()) {
    plan.report.mismatched.push_back(mismatch_text(name, tensor, own.at(target)));
    plan.spared.insert(target);
  } else if (!plan.copies.emplace(target, tensor).second) {
    throw InputError("{}: two tensors are mapped to \"{}\", one of them \"{}\": change weights.map or skip one",
                     options.path, target, name);
  } else {
    plan.report.loaded.push_back(target);
  }
}

void plan_tensor(const std::string& name, const at::Tensor& tensor, const WeightsOptions& options,
                 const NamedTensors& own, Plan& plan) {
  const auto targets = mapped_names(prefixes_of(options), name, own);
  if (matches_any(options.skip, name)) {
    plan.report.skipped.push_back(name);
    plan.spared.insert(targets.begin(), targets.end());
    return;
  }
  if (targets.empty()) plan.unexpected.push_back(name);
  for (const auto& target : targets) plan_copy(name, tensor, target, options, own, plan);
}

Plan make_plan(const NamedTensors& file, const NamedTensors& own, const WeightsOptions& options) {
  Plan plan;
  for (const auto& [name, tensor] : file) plan_tensor(name, tensor, options, own, plan);
  const auto prefixes = prefixes_of(options);
  for (const auto& [name, tensor] : own)
    if (is_targeted(prefixes, name) && plan.copies.count(name) == 0 && plan.spared.count(name) == 0)
      plan.report.missing.push_back(name);
  return plan;
}

FreezeRule rule_of(const Node& node) {
  FreezeRule rule;
  if (node.is_scalar()) {
    rule.pattern = node.text();
  } else {
    read_fields(node, [&](Fields& f) {
      f.field("pattern", rule.pattern, "names of the parameters, * and ? stand for any", required());
      f.field("from", rule.from, "first epoch (from 0) in which they are frozen", at_least(0));
      f.field("to", rule.to, "first epoch in which they learn again; -1: never", at_least(-1));
    });
  }
  if (rule.pattern.empty()) throw InputError("{}: the pattern is empty, for example backbone.*", node.where());
  if (rule.to != -1 && rule.to <= rule.from)
    throw InputError("{}: \"to\" ({}) must be later than \"from\" ({}), or -1 for good", node.where(), rule.to,
                     rule.from);
  return rule;
}

bool applies(const FreezeRule& rule, int64_t epoch) { return epoch >= rule.from && (rule.to == -1 || epoch < rule.to); }

void check_matches(const FreezeRule& rule, const std::vector<ModelParameter>& parameters) {
  std::vector<std::string> names;
  for (const auto& parameter : parameters) {
    if (matches_pattern(rule.pattern, parameter.name)) return;
    names.push_back(parameter.name);
  }
  throw InputError("model.freeze: \"{}\" matches no parameter; there are {}", rule.pattern, first_ten(names));
}

}  // namespace

void WeightsOptions::fields(Fields& f) {
  f.field("path", path, "safetensors file to start from; empty: none");
  f.field("map", map,
          "prefix of names in the file: prefix in the model, in which * stands for one part of a name (encoders.*. is "
          "every "
          "task's network); empty: names are the same");
  f.field("strict", strict,
          "every name below the mapped prefixes must be found, with its shape, and none be left over");
  f.field("skip", skip, "names in the file that are left out (* and ? stand for any)");
}

void StartOptions::fields(Fields& f) {
  f.field(
      "init_from", init_from,
      "directory of a run to start from, its best checkpoint: fitted preprocessing, the trunk, and heads and fitted "
      "facts (classes, target scaling) of tasks of the same name; empty: none. Not together with weights.path");
  f.field("weights", weights, "safetensors file to start from, with its options");
  f.field("freeze", freeze,
          "what is not trained: patterns of parameter names (backbone.*), or {pattern, from, to} with epochs. Frozen "
          "batch normalisation keeps its running statistics");
  f.field(
      "other_inputs", other_inputs,
      "inputs that only heads of tasks take which this run leaves out, so that no backbone reads them; tasks=[…] on "
      "the command line fills it in");
}

std::vector<std::string> start_keys() {
  std::vector<std::string> keys;
  for (const auto& option : describe_fields([](Fields& f) { StartOptions().fields(f); })) keys.push_back(option.name);
  return keys;
}

std::string WeightsReport::text() const {
  std::vector<std::string> parts = {fmt::format("{} tensors loaded", loaded.size())};
  const auto add = [&](const char* what, const std::vector<std::string>& names) {
    if (!names.empty()) parts.push_back(fmt::format("{} {}: {}", names.size(), what, first_ten(names)));
  };
  add("skipped", skipped);
  add("missing in the file", missing);
  add("of another shape and left as they were", mismatched);
  return fmt::format("{}", fmt::join(parts, "; "));
}

WeightsReport load_weights(Model& model, const WeightsOptions& options) {
  NamedTensors own = model.state();
  Plan plan = make_plan(read_safetensors(options.path).tensors, own, options);
  WeightsReport& report = plan.report;
  if (options.strict && (!report.missing.empty() || !plan.unexpected.empty() || !report.mismatched.empty()))
    throw InputError(
        "{}: these weights do not fit the model: {}; map prefixes (weights.map), leave names out "
        "(weights.skip) or set weights.strict to false",
        options.path, differences_text(report.missing, plan.unexpected, report.mismatched));
  if (plan.copies.empty())
    throw InputError("{}: none of its {} tensors belongs to the model; map prefixes with weights.map", options.path,
                     plan.unexpected.size() + report.skipped.size() + report.mismatched.size());
  report.skipped.insert(report.skipped.end(), plan.unexpected.begin(), plan.unexpected.end());
  const torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : plan.copies) own.at(name).copy_(tensor);
  return report;
}

std::vector<FreezeRule> parse_freeze_rules(const Node& list) {
  if (list.is_map()) throw InputError("{}: expected a list of patterns, for example [backbone.*]", list.where());
  std::vector<FreezeRule> rules;
  if (list.is_scalar()) rules.push_back(rule_of(list));
  for (const auto& item : list.items()) rules.push_back(rule_of(item));
  return rules;
}

bool apply_freeze_rules(Model& model, const std::vector<FreezeRule>& rules, int64_t epoch) {
  const std::vector<ModelParameter> parameters = model.model_parameters();
  for (const auto& rule : rules) check_matches(rule, parameters);
  bool changed = false;
  for (const auto& parameter : parameters) {
    bool governed = false, frozen = false;
    for (const auto& rule : rules) {
      if (!matches_pattern(rule.pattern, parameter.name)) continue;
      governed = true;
      frozen = frozen || applies(rule, epoch);
    }
    if (!governed || parameter.tensor.requires_grad() == !frozen) continue;
    parameter.tensor.set_requires_grad(!frozen);
    changed = true;
  }
  return changed;
}

bool matches_pattern(const std::string& pattern, const std::string& name) {
  size_t p = 0, n = 0, star = std::string::npos, resume = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != std::string::npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace polytask
