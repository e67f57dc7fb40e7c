#include <polytask/allometry/allometry_coupling.h>
#include <polytask/allometry/fit_report.h>
#include <polytask/allometry/target_rows.h>
#include <polytask/core/error.h>
#include <polytask/core/log.h>
#include <polytask/io/json.h>

#include <ATen/core/Tensor.h>
#include <ATen/ops/result_type.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace polytask {
namespace {

constexpr double kBreastHeight = 1.3;

// The numbers that stand for every genus.
struct ScalarParameters {
  std::optional<double> alpha, beta, gamma, delta, knot_m, k_m;
  std::string unit;
  void fields(Fields& f) {
    f.field("alpha", alpha, "intercept, on the log scale");
    f.field("beta", beta, "slope of log H, or of log(1 - exp(-H/k))");
    f.field("gamma", gamma, "of (log H)^2, quadratic");
    f.field("delta", delta, "change of slope above the knot, segmented");
    f.field("knot_m", knot_m, "m, segmented", above(0));
    f.field("k_m", k_m, "m, asymptotic", above(0));
    f.field("unit", unit, "of the biomass: kg, t or Mg/ha", required());
  }
  const std::optional<double>& of(const std::string& name) const {
    if (name == "alpha") return alpha;
    if (name == "beta") return beta;
    if (name == "gamma") return gamma;
    if (name == "delta") return delta;
    return name == "knot_m" ? knot_m : k_m;
  }
};

// [B, 1, H, W] or [B, H, W] → [B, H, W]
at::Tensor as_map(const at::Tensor& values) { return values.dim() == 4 ? values.squeeze(1) : values; }

void check_maps(const std::string& name, const at::Tensor& genus, const at::Tensor& height, const at::Tensor& biomass) {
  if (genus.dim() == 4 && height.dim() == 3 && height.sizes() == biomass.sizes() && genus.size(0) == height.size(0) &&
      genus.size(2) == height.size(1) && genus.size(3) == height.size(2))
    return;
  throw InputError("coupling \"{}\": the tasks' maps do not lie on each other: genus {}, height {}, biomass {}", name,
                   fmt::join(genus.sizes(), " × "), fmt::join(height.sizes(), " × "),
                   fmt::join(biomass.sizes(), " × "));
}

}  // namespace

AllometryCoupling::AllometryCoupling(AllometryOptions options, const std::string& name)
    : Coupling(name), options_(std::move(options)) {
  const Node& parameters = options_.parameters;
  from_training_ = parameters.is_scalar() && parameters.text() == "training";
  if (!parameters.is_map() && (!parameters.is_scalar() || parameters.text().empty()))
    throw InputError("{}: expected \"training\", a file, or a map of numbers", parameters.where());
  if (options_.law) law_named(*options_.law, fmt::format("coupling \"{}\": law", name));
  for (const auto& [key, value] : {std::pair("pooling", options_.pooling), std::pair("criterion", options_.criterion)})
    if (value && !from_training_)
      throw InputError("coupling \"{}\": {} is of a fit on training targets, but parameters are given", name, key);
  if (options_.criterion && options_.pooling.value_or("partial") != "partial")
    throw InputError("coupling \"{}\": criterion is of partial pooling, not of pooling {}", name, *options_.pooling);
  check_correction();
  if (from_training_)
    statistics_ = std::make_unique<Accumulator>(
        law_named(options_.law.value_or("power"), name),
        law_named(options_.law.value_or("power"), name).shapes(std::max(min_height_m(), 0.5), 100, 32));
}

void AllometryCoupling::check_correction() const {
  if (options_.parameters.is_map() && options_.correction != "none")
    throw InputError(
        "coupling \"{}\": correction {} needs a fit, but parameters are given as numbers: add the log of a "
        "factor to alpha instead",
        name(), options_.correction);
  if (from_training_ && (options_.correction == "duan" || options_.correction == "snowdon"))
    throw InputError(
        "coupling \"{}\": correction {} needs every row twice, and training targets are seen once: take "
        "baskerville, or the file that `polytask allometry fit EXPERIMENT --training` writes",
        name(), options_.correction);
}

double AllometryCoupling::min_height_m() const {
  return options_.min_height_m.value_or(file_min_height_m_.value_or(kBreastHeight));
}

void AllometryCoupling::attach(const std::vector<const TaskType*>& tasks) {
  tasks_ = tasks;
  if (tasks[0]->class_names().empty())
    throw InputError("coupling \"{}\": task \"{}\" predicts no classes; genus must name a segmentation task", name(),
                     options_.genus);
  for (const auto* task : tasks)
    if (!task->is_dense())
      throw InputError("coupling \"{}\": task \"{}\" has one label a sample; the term needs one for each pixel", name(),
                       task->name());
  for (const size_t t : {1, 2})
    if (!tasks[t]->class_names().empty())
      throw InputError("coupling \"{}\": task \"{}\" predicts classes; {} must name a dense_regression task", name(),
                       tasks[t]->name(), t == 1 ? "height" : "biomass");
  if (!tasks[1]->unit().empty() && tasks[1]->unit() != "m")
    throw InputError("coupling \"{}\": task \"{}\" predicts heights in {}; the laws take m", name(), options_.height,
                     tasks[1]->unit());
  choose_parameters();
}

// A loaded run's own, unless it is asked for others.
void AllometryCoupling::choose_parameters() {
  if (saved_ && is_saved_choice()) {
    parameters_node_ = *saved_->find("parameters");
    take(parse_parameters(parameters_node_, fmt::format("coupling \"{}\": its saved state", name()),
                          options_.law.value_or("")));
  } else if (from_training_ && saved_) {
    throw InputError(
        "coupling \"{}\": a trained run is not fitted anew; give it the parameter file that `polytask allometry fit "
        "EXPERIMENT --training` writes",
        name());
  } else if (from_training_) {
    statistics_->reserve(static_cast<int64_t>(tasks_[0]->class_names().size()));
  } else if (options_.parameters.is_map()) {
    read_scalars();
  } else {
    parameters_node_ = read_json_file(options_.parameters.text());
    const auto parameters = parse_parameters(parameters_node_, options_.parameters.text(), options_.law.value_or(""));
    check_biomass_unit(parameters, tasks_[2]->unit(), fmt::format("task \"{}\"", options_.biomass));
    take(parameters);
  }
}

void AllometryCoupling::read_scalars() {
  const auto scalars = read_options<ScalarParameters>(options_.parameters);
  LawParameters parameters;
  parameters.law = &law_named(options_.law.value_or("power"), name());
  parameters.biomass_unit = canonical_unit(scalars.unit);
  parameters.min_height_m = kBreastHeight;
  parameters.source = options_.parameters.where();
  check_biomass_unit(parameters, tasks_[2]->unit(), fmt::format("task \"{}\"", options_.biomass));
  const auto& names = parameters.law->parameter_names();
  std::vector<double> values;
  for (const auto& parameter : names) {
    if (!scalars.of(parameter))
      throw InputError("{}: \"{}\" is missing: the {} law has {}", parameters.source, parameter, parameters.law->name(),
                       fmt::join(names, ", "));
    values.push_back(*scalars.of(parameter));
  }
  for (const char* parameter : {"gamma", "delta", "knot_m", "k_m"})
    if (scalars.of(parameter) && std::find(names.begin(), names.end(), parameter) == names.end())
      throw InputError("{}: the {} law has no {}; it has {}", parameters.source, parameters.law->name(), parameter,
                       fmt::join(names, ", "));
  for (const auto& genus : tasks_[0]->class_names())
    parameters.genera.push_back({genus, values, {}, parameters.source});
  take(parameters);
}

void AllometryCoupling::take(const LawParameters& parameters) {
  std::vector<std::vector<double>> values;
  auto genera = parameters_of(parameters, tasks_[0]->class_names());
  correct(genera, correction_named(options_.correction, name()), parameters.source);
  values.reserve(genera.size());
  for (auto& genus : genera) values.push_back(std::move(genus.values));
  parameters_ = make_parameters(*parameters.law, values);
  file_min_height_m_ = parameters.min_height_m;
}

// What parameters come from, as text.
Node AllometryCoupling::choice() const {
  const auto text = [](const std::optional<std::string>& value) {
    return value ? Node::scalar_of(*value, true) : Node();
  };
  Node source = options_.parameters;
  if (source.is_scalar()) source = Node::scalar_of(source.text(), true);
  return Node::map_of({{"parameters", source},
                       {"law", text(options_.law)},
                       {"pooling", text(options_.pooling)},
                       {"criterion", text(options_.criterion)}});
}

bool AllometryCoupling::is_saved_choice() const {
  const Node* parameters = saved_->find("parameters");
  const Node* made_from = saved_->find("choice");
  if (parameters == nullptr || !parameters->is_map()) return false;
  return made_from == nullptr || write_json(*made_from) == write_json(choice());
}

void AllometryCoupling::observe(const std::vector<at::Tensor>& targets, const std::vector<at::Tensor>& valid) {
  for (const Observation& row : rows_of_targets(targets, valid))
    if (keep_row(row, single_precision_threshold(min_height_m()), counts_))
      statistics_->add(row.genus, std::log(row.height_m), std::log(row.biomass));
}

Fit AllometryCoupling::fit_statistics() const {
  FitOptions options;
  options.pooling = pooling_named(options_.pooling.value_or("partial"), name());
  options.reml = options_.criterion.value_or("reml") == "reml";
  try {
    return fit_law(*statistics_, options);
  } catch (const InputError& error) {
    throw InputError("coupling \"{}\": {}", name(), error.what());
  }
}

void AllometryCoupling::finish_fit() {
  if (counts_.kept == 0)
    throw InputError("coupling \"{}\": no training pixel is left to fit the {} law: {}", name(),
                     statistics_->law().name(), counts_.text(min_height_m()));
  FitReport report;
  report.fit = fit_statistics();
  report.genera = tasks_[0]->class_names();
  report.counts = counts_;
  report.min_height_m = min_height_m();
  report.biomass_unit = tasks_[2]->unit();
  log_info("coupling \"{}\": the {} law is fitted to the training targets: {}", name(), report.fit.law->name(),
           counts_.text(min_height_m()));
  for (const auto& warning : fit_warnings(report)) log_warning("coupling \"{}\": {}", name(), warning);
  parameters_node_ = parameter_node(report);
  take(parse_parameters(parameters_node_, fmt::format("coupling \"{}\": the fit of the training targets", name()), ""));
}

AllometryLoss AllometryCoupling::evaluate(const std::vector<at::Tensor>& outputs, const at::Tensor& observed) const {
  const auto detached = [&](const char* what) {
    return std::find(options_.detach.begin(), options_.detach.end(), what) != options_.detach.end();
  };
  at::Tensor genus = tasks_[0]->predict(outputs[0]), height = as_map(tasks_[1]->predict(outputs[1])),
             biomass = as_map(tasks_[2]->predict(outputs[2]));
  check_maps(name(), genus, height, biomass);
  if (detached("genus")) genus = genus.detach();
  if (detached("height")) height = height.detach();
  if (detached("biomass")) biomass = biomass.detach();
  const auto type = at::promoteTypes(at::result_type(genus, height), biomass.scalar_type());
  AllometryParameters parameters{parameters_.law, {}};
  for (const auto& value : parameters_.values) parameters.values.push_back(value.to(genus.device(), type));
  return allometry_loss(parameters, genus.to(type), height.to(type), biomass.to(type), observed, min_height_m(),
                        options_.average == "active" ? AllometryAverage::active : AllometryAverage::pixels);
}

at::Tensor AllometryCoupling::value(const std::vector<at::Tensor>& outputs, const at::Tensor& observed) {
  auto loss = evaluate(outputs, observed);
  active_ = loss.active;
  clamped_ = loss.clamped;
  averaged_ = loss.averaged;
  return loss.value;
}

at::Tensor AllometryCoupling::residual(const std::vector<at::Tensor>& outputs) const {
  const at::Tensor height = as_map(tasks_[1]->predict(outputs[1]));
  return evaluate(outputs, {}).residual.masked_fill(height.le(min_height_m()), std::nan(""));
}

std::vector<std::pair<std::string, double>> AllometryCoupling::figures() const {
  return {{"active", static_cast<double>(active_)}, {"clamped", static_cast<double>(clamped_)}};
}

Node AllometryCoupling::state() const {
  return parameters_node_.is_map() ? Node::map_of({{"parameters", parameters_node_}, {"choice", choice()}})
                                   : Node::map_of();
}

void register_allometry(CouplingRegistry& registry) {
  registry.add<AllometryOptions>(
      "allometry",
      "Biomass must be what the genera's allometric law says of height: mean of (log B − Σ p_c f_c(log H))² where H is "
      "above a threshold",
      "law and pooling: see `polytask allometry fit`", [](const AllometryOptions& options, const std::string& name) {
        return std::make_unique<AllometryCoupling>(options, name);
      });
}

}  // namespace polytask
