#include "checks.h"

#include <polytask/allometry/back_transform.h>
#include <polytask/allometry/cross_validation.h>
#include <polytask/allometry/fit_rows.h>
#include <polytask/allometry/least_squares.h>

#include <functional>

namespace polytask::golden {
namespace {

constexpr double kAic = 1e-4, kFoldDraw = 0.03, kSameFolds = 1e-3, kFactor = 1e-4;
constexpr int64_t kFewestForOwnLine = 3;

double height_of(const std::string& key) { return number_of(Node::scalar_of(key.substr(key.find('_') + 1))); }

Fit fit(const KeptRows& rows, const char* law, Pooling pooling, const std::optional<double>& shape = {}) {
  return fit_rows(rows, law_named(law, "golden"), {pooling, false, {}}, shape);
}

void check_aic(const std::string& key, const Node& forms, const KeptRows& rows, Checks& checks) {
  const std::map<std::string, std::function<Fit()>> ours = {
      {"pooled_linear", [&] { return fit(rows, "power", Pooling::complete); }},
      {"pooled_quadratic", [&] { return fit(rows, "quadratic", Pooling::complete); }},
      {"pooled_segmented_at_5m", [&] { return fit(rows, "segmented", Pooling::complete, 5); }},
      {"genus_slopes_ols", [&] { return fit(rows, "power", Pooling::none); }},
      {"re_slope", [&] { return fit(rows, "power", Pooling::partial); }},
      {"re_slope_quadratic_fixed", [&] { return fit(rows, "quadratic", Pooling::partial); }}};
  for (const auto& [name, expected] : forms.entries()) {
    const std::string what = key + " " + name;
    const auto known = ours.find(name);
    if (known == ours.end()) {
      checks.exclude(what + ": no law and pooling of ours");
    } else if (name == "pooled_segmented_at_5m" && rows.min_height_m() >= 5) {
      checks.exclude(what + ": no row is below the knot, so the form is the straight line, which we refuse");
    } else {
      const Fit result = known->second();
      checks.equal(what + " k", result.estimated, static_cast<int64_t>(number(expected, "k")));
      checks.relative(what + " loglik", result.log_likelihood(), number(expected, "loglik"), kAic);
      checks.relative(what + " AIC", result.aic(), number(expected, "AIC"), kAic);
      checks.relative(what + " BIC", result.bic(), number(expected, "BIC"), kAic);
    }
  }
}

void check_bias(const std::string& key, const Node& expected, const KeptRows& rows, Checks& checks) {
  const auto compare = [&](const std::string& name, Pooling pooling) {
    const Node& reference = member(expected, name);
    const Fit result = fit_rows(rows, law_named("power", "golden"), {pooling, true, {}});
    const BackTransform factors = back_transforms(result, rows).all;
    const std::string what = key + " " + name + " ";
    checks.relative(what + "sigma", result.all.sigma, number(reference, "sigma"), kFactor);
    checks.relative(what + "cf_baskerville", factors.baskerville, number(reference, "cf_baskerville"), kFactor);
    checks.relative(what + "cf_duan", factors.duan, number(reference, "cf_duan"), kFactor);
    checks.relative(what + "cf_snowdon", factors.snowdon, number(reference, "cf_snowdon"), kFactor);
    const double naive = 1 / factors.snowdon;
    checks.relative(what + "naive", naive, number(reference, "naive"), kFactor);
    checks.relative(what + "baskerville", naive * factors.baskerville, number(reference, "baskerville"), kFactor);
    checks.relative(what + "duan", naive * factors.duan, number(reference, "duan"), kFactor);
  };
  compare("pooled", Pooling::complete);
  compare("blup", Pooling::partial);
}

bool in_stratum(const std::string& name, int64_t n) {
  if (name == "all") return true;
  const std::string range = name.substr(std::string("train_n_").size());
  if (range[0] == '>') return n > integer_of(Node::scalar_of(range.substr(1)));
  const size_t dash = range.find('-');
  const int64_t low = integer_of(Node::scalar_of(range.substr(0, dash)));
  return n >= low && n <= (dash == std::string::npos ? low : integer_of(Node::scalar_of(range.substr(dash + 1))));
}

std::vector<HeldOut> held_out(const KeptRows& rows, Pooling pooling, const Folds& folds) {
  return cross_validate(rows, law_named("power", "golden"), {pooling, true, {}}, 0, folds);
}

// Groups are folds that can be had again: every stratum must agree. Random folds cannot: the whole alone, within 3 %.
void check_held_out(const std::string& key, const Node& strata, const KeptRows& rows, bool by_group, Checks& checks) {
  const Folds folds{10, 1, by_group};
  const std::map<std::string, std::vector<HeldOut>> ours = {{"pooled", held_out(rows, Pooling::complete, folds)},
                                                            {"genus_ols_n3", held_out(rows, Pooling::none, folds)},
                                                            {"blup", held_out(rows, Pooling::partial, folds)}};
  for (const auto& [name, expected] : strata.entries()) {
    const std::string what = key + " " + name;
    if (!by_group && name != "all") {
      checks.exclude(what + ": a few rows, which depend on the draw of the folds");
      continue;
    }
    for (const auto& [pooling, cells] : ours) {
      std::vector<HeldOut> inside;
      for (const auto& cell : cells)
        if (in_stratum(name, cell.n_training)) inside.push_back(cell);
      int64_t n = 0;
      for (const auto& cell : inside) n += cell.n;
      checks.equal(what + " n", n, static_cast<int64_t>(number(expected, "n")));
      checks.relative(what + " " + pooling, held_out_rmse(inside), number(expected, pooling),
                      by_group ? kSameFolds : kFoldDraw);
    }
    checks.exclude(fmt::format("{} genus_ols_n10: own lines from {} rows on, not from 10", what, kFewestForOwnLine));
  }
}

void check_quadratic(const std::string& key, const Node& expected, const KeptRows& rows, Checks& checks) {
  const auto straight = fit(rows, "power", Pooling::none), curved = fit(rows, "quadratic", Pooling::none);
  int64_t large = 0, better = 0;
  for (size_t g = 0; g < straight.genera.size(); ++g) {
    const Curve &line = straight.genera[g], &curve = curved.genera[g];
    if (line.n < 20) continue;
    ++large;
    better += curve.estimable() && normal_deviance(curve.n, curve.rss) + 2 < normal_deviance(line.n, line.rss) - 2;
  }
  checks.equal(key + " genera_n20", large, static_cast<int64_t>(number(expected, "genera_n20")));
  checks.equal(key + " quadratic_better_by_2_AIC", better,
               static_cast<int64_t>(number(expected, "quadratic_better_by_2_AIC")));
}

}  // namespace

void check_forms(const Node& file, Trees& trees, Checks& checks) {
  for (const auto& [section, content] : file.entries()) {
    if (section == "sha256" || section == "R" || section == "lme4") continue;
    if (section == "study_effect" || section == "height_diameter") {
      checks.exclude(section + ": no model of ours");
      continue;
    }
    for (const auto& [height, expected] : content.entries()) {
      const KeptRows& rows = trees.from_height(height_of(height));
      const std::string key = section + " " + height;
      if (section == "aic_log_biomass") {
        check_aic(key, expected, rows, checks);
      } else if (section == "bias_total_biomass") {
        check_bias(key, expected, rows, checks);
      } else if (section == "cv10" || section.rfind("leave_one_", 0) == 0) {
        check_held_out(key, expected, rows, section != "cv10", checks);
      } else if (section == "quadratic_preferred") {
        check_quadratic(key, expected, rows, checks);
      } else {
        checks.fail(key + ": a section that this runner does not know");
      }
    }
  }
}

}  // namespace polytask::golden
