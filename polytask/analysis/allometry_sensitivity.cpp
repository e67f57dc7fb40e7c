#include <polytask/analysis/allometry_sensitivity.h>
#include <polytask/analysis/parameter_variants.h>
#include <polytask/core/error.h>
#include <polytask/core/interrupt.h>
#include <polytask/core/progress.h>
#include <polytask/training/allometry_data.h>
#include <polytask/training/step.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

namespace polytask {
namespace {

// [B, 1, H, W] or [B, H, W] → [B, H, W] as double on the CPU
at::Tensor as_map(const at::Tensor& values) {
  return (values.dim() == 4 ? values.squeeze(1) : values).to(at::kCPU, at::kDouble);
}

// The pixels of a batch to which the law applies, n of them, and what a batch's mean of the loss divides by.
struct Pixels {
  at::Tensor features;     // [n, classes × K]: log B_allo is this times the coefficients
  at::Tensor shares;       // [n, classes]
  at::Tensor log_biomass;  // [n] of the predicted biomass
  at::Tensor log_factor;   // [n] what a conversion adds to log B_allo
  at::Tensor truth;        // [n] NaN where there is none
  double averaged = 0;     // pixels that the mean of the loss runs over
};

// Parameters of the coupling's law for every class, and what it counts.
struct Setting {
  const Law* law = nullptr;
  std::vector<GenusParameters> genera;
  double min_height_m = 0;
  bool active_only = false;
  bool one_line = false;
  Correction conversion = Correction::none;
  at::Tensor log_factors;  // [classes] from the residual's law to the conversion's
};

void set_correction(Setting& setting, const AllometryCoupling& coupling, std::optional<Correction> asked,
                    const std::string& source) {
  const Correction trained = correction_named(coupling.options().correction, source);
  setting.conversion = asked.value_or(trained);
  auto converted = setting.genera;
  correct(setting.genera, trained, source);
  correct(converted, setting.conversion, source);
  std::vector<double> differences;
  for (size_t c = 0; c < converted.size(); ++c)
    differences.push_back(converted[c].values[0] - setting.genera[c].values[0]);
  setting.log_factors = at::tensor(differences, at::kDouble);
}

Setting setting_of(const CouplingTerm& term, const TaskType& genus, std::optional<Correction> correction) {
  const AllometryCoupling& coupling = allometry_of(term);
  const Node state = coupling.state();
  const Node* parameters = state.find("parameters");
  if (parameters == nullptr)
    throw InputError(
        "coupling \"{}\": its parameters are given as numbers, without an uncertainty to draw from: train with "
        "parameters: training, or with a file of `polytask allometry fit`",
        term.name());
  const auto parsed = parse_parameters(*parameters, "coupling \"" + term.name() + "\"", "");
  Setting setting;
  setting.law = parsed.law;
  setting.genera = parameters_of(parsed, genus.class_names());
  setting.min_height_m = coupling.min_height_m();
  setting.active_only = coupling.options().average == "active";
  setting.one_line = parameters->text_or("pooling", "") == "complete";
  set_correction(setting, coupling, correction, parsed.source);
  return setting;
}

// What multiplies each coefficient of each class: its probability times the law's columns at log H.
at::Tensor features_of(const Setting& setting, const at::Tensor& shares, const at::Tensor& log_height) {
  const int64_t k = setting.law->columns() + 1;
  std::vector<at::Tensor> features;
  for (size_t c = 0; c < setting.genera.size(); ++c)
    for (int64_t i = 0; i < k; ++i) {
      std::vector<at::Tensor> unit(static_cast<size_t>(k), at::zeros({}, at::kDouble));
      unit[static_cast<size_t>(i)] = at::ones({}, at::kDouble);
      if (setting.law->has_shape()) unit.push_back(at::full({}, setting.genera[c].values.back(), at::kDouble));
      features.push_back(shares.select(1, static_cast<int64_t>(c)) *
                         setting.law->log_biomass(log_height, unit).expand_as(log_height));
    }
  return at::stack(features, 1);
}

at::Tensor truth_of(const Batch& batch, const std::string& task, const at::Tensor& like) {
  const auto [target, valid] = task_targets(batch, task);
  if (!target.defined()) return at::full_like(like, std::nan(""));
  at::Tensor truth = as_map(target);
  if (valid.defined()) truth = truth.masked_fill(as_map(valid).eq(0), std::nan(""));
  return truth;
}

Pixels pixels_of(const Setting& setting, Session& session, const CouplingTerm& term, const Batch& batch) {
  const auto outputs = session.model->forward(batch.inputs);
  const auto predict = [&](size_t which) {
    return session.tasks[term.tasks()[which]]->predict(outputs[term.tasks()[which]]);
  };
  const at::Tensor genus = predict(0).to(at::kCPU, at::kDouble), height = as_map(predict(1)),
                   biomass = as_map(predict(2));
  const at::Tensor observed = observed_everywhere(batch);
  const at::Tensor counted = observed.defined() ? observed.to(at::kCPU) : at::ones_like(height, at::kBool);
  const at::Tensor active = counted.logical_and(height > setting.min_height_m);
  Pixels pixels;
  pixels.shares = genus.permute({0, 2, 3, 1}).index({active});
  pixels.features = features_of(setting, pixels.shares, height.index({active}).clamp_min(kLeastLogged).log());
  pixels.log_factor = pixels.shares.mv(setting.log_factors);
  pixels.log_biomass = biomass.index({active}).clamp_min(kLeastLogged).log();
  pixels.truth = truth_of(batch, session.tasks[term.tasks()[2]]->name(), height).index({active});
  pixels.averaged = static_cast<double>(setting.active_only ? pixels.truth.numel() : counted.sum().item<int64_t>());
  return pixels;
}

// Sums over batches from which the figures of every variant come.
class Sums {
 public:
  explicit Sums(const at::Tensor& variants)
      : variants_(variants),
        squares_(at::zeros({variants.size(1), variants.size(1)}, at::kDouble)),
        products_(at::zeros({variants.size(1)}, at::kDouble)),
        squared_errors_(at::zeros({variants.size(0)}, at::kDouble)),
        errors_(at::zeros({variants.size(0)}, at::kDouble)) {}

  void add(const Pixels& pixels) {
    if (pixels.averaged == 0) return;
    const at::Tensor residual = pixels.log_biomass - pixels.features.mv(variants_[0]);
    squares_ += pixels.features.t().mm(pixels.features);
    products_ += pixels.features.t().mv(residual);
    residual_ += residual.dot(residual).item<double>();
    averaged_ += pixels.averaged;
    pixels_ += residual.numel();
    shares_ = shares_.defined() ? shares_ + pixels.shares.sum(0) : pixels.shares.sum(0);
    compare(pixels);
  }

  AllometryFigures of(int64_t variant) const {
    const at::Tensor moved = variants_[variant] - variants_[0];
    const double square = moved.dot(squares_.mv(moved)).item<double>(), product = moved.dot(products_).item<double>();
    AllometryFigures figures;
    figures.residual = (residual_ - 2 * product + square) / averaged_;
    figures.rmse = std::sqrt(mean(squared_errors_[variant].item<double>()));
    figures.bias = mean(errors_[variant].item<double>());
    return figures;
  }
  double head_rmse() const { return std::sqrt(mean(head_squared_error_)); }
  double head_bias() const { return mean(head_error_); }
  int64_t pixels() const { return pixels_; }
  int64_t compared() const { return compared_; }
  double share(size_t genus) const {
    return shares_[static_cast<int64_t>(genus)].item<double>() / static_cast<double>(pixels_);
  }

 private:
  double mean(double sum) const {
    return compared_ > 0 ? sum / static_cast<double>(compared_) : std::numeric_limits<double>::quiet_NaN();
  }

  // Biomass under every variant, some pixels at a time, so that memory depends neither on pixels nor on variants.
  void compare(const Pixels& pixels) {
    constexpr int64_t kValues = int64_t{1} << 21;
    const at::Tensor there = pixels.truth.isnan().logical_not();
    const at::Tensor features = pixels.features.index({there}), truth = pixels.truth.index({there}),
                     factor = pixels.log_factor.index({there}).exp(),
                     head = pixels.log_biomass.index({there}).exp() - truth;
    const int64_t block = std::max<int64_t>(1, kValues / variants_.size(0));
    for (int64_t begin = 0; begin < truth.numel(); begin += block) {
      const int64_t n = std::min(block, truth.numel() - begin);
      at::Tensor error = features.narrow(0, begin, n).mm(variants_.t()).exp_();  // [n, variants]
      error.mul_(factor.narrow(0, begin, n).unsqueeze(1)).sub_(truth.narrow(0, begin, n).unsqueeze(1));
      errors_ += error.sum(0);
      squared_errors_ += error.square_().sum(0);
    }
    head_error_ += head.sum().item<double>();
    head_squared_error_ += head.square().sum().item<double>();
    compared_ += truth.numel();
  }

  at::Tensor variants_;            // [variants, classes × K]
  at::Tensor squares_, products_;  // ΣZᵀZ, ΣZᵀr; r, the residual under the fitted parameters
  double residual_ = 0, averaged_ = 0;
  at::Tensor squared_errors_, errors_;  // [variants]
  double head_squared_error_ = 0, head_error_ = 0;
  at::Tensor shares_;
  int64_t pixels_ = 0, compared_ = 0;
};

void go_through(Session& session, const std::vector<int64_t>& rows, const std::function<void(const Batch&)>& visit) {
  at::NoGradGuard no_grad;
  session.model->eval();
  LoaderOptions options = session.data.loader;
  options.drop_last = false;
  if (const auto batch = session.experiment.train.evaluation_batch; batch > 0) options.batch_size = batch;
  const std::vector<std::unique_ptr<Transform>> none;
  Loader loader(*session.data.dataset, options, session.experiment.seed, none);
  loader.start(rows, 0);
  Progress progress("sensitivity", static_cast<int64_t>(rows.size()), "samples");
  int64_t done = 0;
  while (const auto batch = loader.next()) {
    if (interrupt_signal() != 0) throw Interrupted("interrupted during sensitivity");
    visit(to_device(*batch, session.device));
    progress.update(done += batch->size());
  }
}

GenusSensitivity genus_of(const Sums& sums, const ParameterVariants& variants, size_t group, const Law& law,
                          int64_t draws) {
  const VaryingGenera& genera = variants.groups()[group];
  GenusSensitivity result;
  result.name = genera.name;
  for (const size_t c : genera.classes) result.share += sums.share(c);
  for (int64_t d = 0; d < draws; ++d) result.draws.push_back(sums.of(variants.drawn_alone(group, d)));
  for (int64_t k = 0; k < variants.coefficients_of_genus(); ++k) {
    ParameterSwing swing;
    swing.parameter = law.parameter_names()[static_cast<size_t>(k)];
    swing.standard_error = std::sqrt(genera.covariance(k, k));
    for (size_t s = 0; s < swing.at.size(); ++s) swing.at[s] = sums.of(variants.moved(group, k, s));
    result.swings.push_back(swing);
  }
  return result;
}

}  // namespace

AllometrySensitivity allometry_sensitivity(Session& session, const std::vector<int64_t>& rows,
                                           const SensitivityOptions& options) {
  const CouplingTerm& term = allometry_term(session.couplings, options.coupling, session.experiment.name);
  const Setting setting = setting_of(term, *session.tasks[term.tasks()[0]], options.correction);
  const ParameterVariants variants(*setting.law, setting.genera, setting.one_line, options.draws, options.seed,
                                   "coupling \"" + term.name() + "\"");
  Sums sums(variants.coefficients());
  AllometrySensitivity result;
  go_through(session, rows, [&](const Batch& batch) {
    sums.add(pixels_of(setting, session, term, batch));
    result.rows += batch.size();
  });
  if (sums.pixels() == 0)
    throw InputError("coupling \"{}\": in {} rows no pixel with data has a predicted height above {} m", term.name(),
                     result.rows, setting.min_height_m);
  result.coupling = term.name();
  result.law = setting.law->name();
  result.correction = to_text(setting.conversion);
  result.biomass_unit = session.tasks[term.tasks()[2]]->unit();
  result.min_height_m = setting.min_height_m;
  result.pixels = sums.pixels();
  result.compared = sums.compared();
  result.fitted = sums.of(0);
  result.head_rmse = sums.head_rmse();
  result.head_bias = sums.head_bias();
  for (int64_t d = 0; d < options.draws; ++d) result.draws.push_back(sums.of(variants.drawn(d)));
  for (size_t g = 0; g < variants.groups().size(); ++g)
    result.genera.push_back(genus_of(sums, variants, g, *setting.law, options.draws));
  result.fixed = variants.fixed();
  return result;
}

}  // namespace polytask
