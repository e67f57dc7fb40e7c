#include "support.h"

#include <polytask/allometry/compare_laws.h>
#include <polytask/allometry/cross_validation.h>
#include <polytask/allometry/fit_rows.h>
#include <polytask/allometry/least_squares.h>
#include <polytask/allometry/profiled_deviance.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>

namespace polytask {
namespace {

using testing::HasSubstr;

KeptRows kept(ListedObservations trees, double min_height = 1.3) { return KeptRows(trees, min_height); }
const Law& power() { return law_named("power", "test"); }

// −2 log-likelihood of all rows at once, by their full covariance matrix.
double dense_deviance(const KeptRows& rows, const RelativeFactor& f, bool reml) {
  std::vector<KeptRow> all;
  rows.for_each([&](const KeptRow* row, size_t count) { all.insert(all.end(), row, row + count); });
  const auto n = static_cast<int64_t>(all.size());
  const at::Tensor x = at::ones({n, 2}, at::kDouble), y = at::empty({n, 1}, at::kDouble), v = at::eye(n, at::kDouble);
  for (int64_t i = 0; i < n; ++i) {
    x[i][1] = all[static_cast<size_t>(i)].log_height;
    y[i][0] = all[static_cast<size_t>(i)].log_biomass;
    for (int64_t j = 0; j < n; ++j) {
      const auto &a = all[static_cast<size_t>(i)], &b = all[static_cast<size_t>(j)];
      if (a.genus != b.genus) continue;
      v[i][j] +=
          f.a * f.a + f.a * f.b * (a.log_height + b.log_height) + (f.b * f.b + f.d * f.d) * a.log_height * b.log_height;
    }
  }
  const at::Tensor vx = at::linalg_solve(v, x), information = x.t().mm(vx);
  const at::Tensor mu = at::linalg_solve(information, vx.t().mm(y)), e = y - x.mm(mu);
  const double rss = e.t().mm(at::linalg_solve(v, e)).item<double>();
  const auto degrees = static_cast<double>(reml ? n - 2 : n);
  return at::logdet(v).item<double>() + (reml ? at::logdet(information).item<double>() : 0) +
         degrees * (1 + std::log(2 * M_PI * rss / degrees));
}

TEST(Moments, lose_no_digits_far_from_zero) {
  Moments far, near;
  Random random(1, "test");
  for (int i = 0; i < 10000; ++i) {
    const double u = random.normal(), y = 2 * u + random.normal(), shifted = 1e7 + u;
    far.add<1>(&shifted, y);
    near.add<1>(&u, y);
  }
  EXPECT_NEAR(far.sum(0, 0) / near.sum(0, 0), 1, 1e-8);
  EXPECT_NEAR(far.sum(0, Moments::kY) / near.sum(0, Moments::kY), 1, 1e-8);
}

TEST(Moments, merging_is_adding) {
  Moments all, first, second;
  Random random(2, "test");
  for (int i = 0; i < 100; ++i) {
    const double columns[] = {random.normal(), random.uniform()};
    const double y = random.normal();
    all.add<2>(columns, y);
    (i < 37 ? first : second).add<2>(columns, y);
  }
  first.merge(second);
  first.merge(Moments());
  for (int a = 0; a < 3; ++a) {
    EXPECT_NEAR(first.mean(a), all.mean(a), 1e-13);
    for (int b = 0; b < 3; ++b) EXPECT_NEAR(first.sum(a, b), all.sum(a, b), 1e-11);
  }
}

TEST(LeastSquares, gives_up_columns_that_the_rows_do_not_determine) {
  Moments one_height;
  for (const double y : {1.0, 2.0, 6.0}) {
    const double columns[] = {2.0, 4.0};
    one_height.add<2>(columns, y);
  }
  const auto fit = least_squares(one_height, 2);
  EXPECT_EQ(fit.rank, 1);
  EXPECT_FALSE(fit.full_rank());
  EXPECT_NEAR(fit.rss, 14, 1e-12);
  EXPECT_EQ(least_squares(Moments(), 1).rank, 0);
}

TEST(MixedModel, profiled_deviance_is_that_of_the_full_covariance_matrix) {
  const auto rows = kept(drawn_trees(4, 0.4));
  const auto moments = accumulate(rows, power(), {0}).of_shape(0);
  for (const bool reml : {false, true}) {
    // About 0, so that Λ means the same in both.
    ProfiledDeviance deviance(moments, 1, {0, 0}, reml);
    for (const RelativeFactor f : {RelativeFactor{1, 0, 1}, {0.7, -0.3, 0.2}, {0, 0.5, 0}, {2, 0.1, 0}})
      EXPECT_NEAR(deviance.value(f), dense_deviance(rows, f, reml), 1e-8) << reml << " " << f.a;
  }
}

TEST(MixedModel, predictions_are_those_of_the_full_covariance_matrix_even_where_t_is_singular) {
  const auto rows = kept(drawn_trees(3, 0.4));
  const auto moments = accumulate(rows, power(), {0}).of_shape(0);
  const ProfiledDeviance data(moments, 1, {0, 0}, true);
  const std::vector<double> mu = {-3.4, 2.9};
  const double sigma2 = 0.2;
  for (const Symmetric2 t : {Symmetric2{0.5, -0.1, 0.1}, {0.4, 0.2, 0.1}, {0, 0, 0.3}}) {
    for (int64_t g = 0; g < 3; ++g) {
      std::vector<double> x, e;
      rows.for_each([&](const KeptRow* row, size_t count) {
        for (const KeptRow* end = row + count; row != end; ++row) {
          if (row->genus != g) continue;
          x.push_back(row->log_height);
          e.push_back(row->log_biomass - mu[0] - mu[1] * row->log_height);
        }
      });
      const auto slope = at::tensor(x, at::kDouble);
      const auto z = at::stack({at::ones_like(slope), slope}, 1);
      const auto tm = at::tensor({t.aa, t.ab, t.ab, t.bb}, at::kDouble).reshape({2, 2});
      const auto v = z.mm(tm).mm(z.t()) + sigma2 * at::eye(slope.numel(), at::kDouble);
      const auto expected = tm.mm(z.t()).mv(at::linalg_solve(v, at::tensor(e, at::kDouble).unsqueeze(1)).squeeze(1));
      const auto effect = predict_effect(data.effect_data(g, mu), t, sigma2);
      EXPECT_NEAR(effect.intercept, expected[0].item<double>(), 1e-10);
      EXPECT_NEAR(effect.slope, expected[1].item<double>(), 1e-10);
    }
  }
}

TEST(Fit, the_centre_does_not_matter) {
  const auto rows = kept(drawn_trees(8, 0.4));
  for (const char* law : {"power", "quadratic"}) {
    const auto mean = fit_rows(rows, law_named(law, "test"), {Pooling::partial, true, {}});
    const auto zero = fit_rows(rows, law_named(law, "test"), {Pooling::partial, true, 0.0});
    EXPECT_NEAR(mean.deviance, zero.deviance, 1e-6);
    for (size_t g = 0; g < mean.genera.size(); ++g)
      EXPECT_NEAR(mean.genera[g].parameters[1], zero.genera[g].parameters[1], 1e-4) << law << " " << g;
    EXPECT_NEAR(mean.uncentred.aa, zero.uncentred.aa, 1e-3 * zero.uncentred.aa);
  }
}

TEST(Fit, poolings_differ_as_they_should) {
  const auto rows = kept(drawn_trees(8, 0.4));
  const auto none = fit_rows(rows, power(), {Pooling::none, true, {}});
  const auto partial = fit_rows(rows, power(), {Pooling::partial, true, {}});
  const auto complete = fit_rows(rows, power(), {Pooling::complete, true, {}});
  // Shrinkage: slopes spread less around their mean; genera with many rows keep theirs.
  const auto spread = [&](const Fit& fit) {
    double sum = 0;
    for (const auto& genus : fit.genera) sum += std::pow(genus.parameters[1] - partial.all.parameters[1], 2);
    return sum;
  };
  EXPECT_LT(spread(partial), 0.9 * spread(none));
  EXPECT_NEAR(partial.genera[7].parameters[1], none.genera[7].parameters[1], 0.1);
  for (const auto& genus : complete.genera) EXPECT_EQ(genus.parameters, complete.all.parameters);
  EXPECT_LT(none.deviance, complete.deviance);
  EXPECT_GT(none.genera[7].r2, 0.9);
}

TEST(Fit, equal_genera_give_a_singular_fit_that_is_no_error) {
  ListedObservations trees;
  Random random(3, "test");
  for (int i = 0; i < 200; ++i) {
    const double height = std::exp(random.uniform(0.5, 3));
    trees.add(i % 2 == 0 ? "a" : "b", height, std::exp(-3 + 3 * std::log(height) + 0.3 * random.normal()));
  }
  const auto rows = kept(std::move(trees));
  const auto fit = fit_rows(rows, power(), {Pooling::partial, true, {}});
  EXPECT_TRUE(fit.singular);
  EXPECT_NEAR(fit.genera[0].parameters[1], 3, 0.1);
}

TEST(Fit, genera_that_rows_do_not_determine_are_listed) {
  auto trees = drawn_trees(5, 0.3);
  trees.add("single", 10, 50);
  trees.add("level", 12, 50);
  trees.add("level", 12, 70);
  trees.add("below", 1, 1);
  const auto rows = kept(std::move(trees));
  const auto none = fit_rows(rows, power(), {Pooling::none, true, {}});
  EXPECT_THAT(none.genera[5].problem, HasSubstr("its 1 row has fewer than 2 distinct heights"));
  EXPECT_THAT(none.genera[6].problem, HasSubstr("its 2 rows have fewer than 2 distinct heights"));
  EXPECT_EQ(none.genera[7].problem, "no rows");
  const auto partial = fit_rows(rows, power(), {Pooling::partial, true, {}});
  EXPECT_EQ(partial.genera[7].n, 0);
  EXPECT_EQ(partial.genera[7].parameters, partial.all.parameters);
  EXPECT_NEAR(partial.genera[7].covariance(1, 1), partial.centred.bb, 1e-9);
}

TEST(Fit, heights_that_hardly_differ_give_no_slope) {
  auto trees = drawn_trees(5, 0.3);
  trees.add("level", 20, 50);
  trees.add("level", 20.0001, 70);
  const auto none = fit_rows(kept(std::move(trees)), power(), {Pooling::none, true, {}});
  EXPECT_THAT(none.genera[5].problem, HasSubstr("its 2 rows differ in height by less than 0.1 %"));
  EXPECT_TRUE(none.genera[5].parameters.empty());
}

TEST(Fit, a_genus_on_one_side_of_the_knot_is_told_so) {
  auto trees = drawn_trees(5, 0.3);
  for (int i = 0; i < 40; ++i) trees.add("low", 2 + 0.1 * i, 3 + i);
  const auto none = fit_rows(kept(std::move(trees)), law_named("segmented", "test"), {Pooling::none, true, {}}, 15.0);
  EXPECT_THAT(none.genera[5].problem,
              HasSubstr("its 40 rows do not determine delta: no heights on both sides of 15 m"));
}

TEST(Fit, a_fixed_third_coefficient_has_an_error_of_its_own) {
  const auto fit = fit_rows(kept(drawn_trees(8, 0.4)), law_named("quadratic", "test"), {Pooling::partial, true, {}});
  ASSERT_GT(fit.all.standard_error(2), 0);
  for (const auto& genus : fit.genera) {
    EXPECT_EQ(genus.standard_error(2), fit.all.standard_error(2));
    EXPECT_TRUE(std::isnan(genus.covariance(0, 2))) << "not known";
  }
}

TEST(Fit, the_centre_is_a_height_under_every_law) {
  const auto rows = kept(drawn_trees(8, 0.4));
  const Law& law = law_named("asymptotic", "test");
  const double at = std::log(10.0);
  const auto fit = fit_rows(rows, law, {Pooling::partial, true, at}, 40.0);
  EXPECT_EQ(fit.centre, at);
  const double column = std::log(1 - std::exp(-10.0 / 40));
  const double variance = fit.uncentred.aa + 2 * column * fit.uncentred.ab + column * column * fit.uncentred.bb;
  EXPECT_NEAR(fit.centred.aa, variance, 1e-6 * fit.uncentred.aa);
  const auto mean = fit_rows(rows, law, {Pooling::partial, true, {}}, 40.0);
  EXPECT_GT(mean.centre, rows.lowest());
  EXPECT_LT(mean.centre, rows.highest());
  for (size_t g = 0; g < fit.genera.size(); ++g)
    EXPECT_NEAR(fit.genera[g].parameters[1], mean.genera[g].parameters[1], 1e-3) << g;
}

TEST(Fit, shape_parameters_are_found) {
  ListedObservations bent, curved;
  Random random(4, "test");
  for (int i = 0; i < 4000; ++i) {
    const double height = std::exp(random.uniform(0.3, 3.6)), x = std::log(height), e = 0.05 * random.normal();
    const std::string genus = "g" + std::to_string(i % 4);
    bent.add(genus, height, std::exp(-3 + 2 * x + 1.5 * std::max(0.0, x - std::log(8.0)) + e));
    curved.add(genus, height, std::exp(5 + 2 * std::log(1 - std::exp(-height / 12)) + e));
  }
  for (const Pooling pooling : {Pooling::none, Pooling::partial, Pooling::complete}) {
    const auto knot = fit_rows(kept(bent), law_named("segmented", "test"), {pooling, true, {}});
    EXPECT_NEAR(knot.shape, 8, 0.3) << to_text(pooling);
    EXPECT_NEAR(knot.all.parameters[2], 1.5, 0.05);
    EXPECT_FALSE(knot.shape_at_end);
    const auto k = fit_rows(kept(curved), law_named("asymptotic", "test"), {pooling, true, {}});
    EXPECT_NEAR(k.shape, 12, 0.5) << to_text(pooling);
    EXPECT_NEAR(k.all.parameters[1], 2, 0.05);
  }
}

TEST(Fit, rows_without_noise_are_fitted_all_the_same) {
  const auto fit = fit_rows(kept(drawn_trees(6, 0)), power(), {Pooling::partial, true, {}});
  EXPECT_LT(fit.all.sigma, 1e-4);
  EXPECT_TRUE(std::isfinite(fit.deviance));
}

TEST(Fit, too_little_is_refused) {
  ListedObservations one;
  for (int i = 0; i < 20; ++i) one.add("a", 2 + i, 3 + i * i);
  EXPECT_THAT(message_of([&] {
                fit_rows(kept(one), power(), {Pooling::partial, true, {}});
              }),
              HasSubstr("needs two genera"));
  ListedObservations means;
  for (int i = 0; i < 20; ++i) means.add("g" + std::to_string(i), 2 + i, 3 + i * i);
  EXPECT_THAT(message_of([&] {
                fit_rows(kept(means), power(), {Pooling::partial, true, {}});
              }),
              HasSubstr("20 rows of 20 genera"));
  ListedObservations level;
  for (int i = 0; i < 20; ++i) level.add(i % 2 == 0 ? "a" : "b", 7, 3 + i);
  EXPECT_THAT(message_of([&] {
                fit_rows(kept(level), power(), {Pooling::complete, true, {}});
              }),
              HasSubstr("do not determine the power law"));
}

TEST(CrossValidation, by_group_is_fitting_without_the_group) {
  const auto rows = kept(drawn_trees(6, 0.4));
  for (const Pooling pooling : {Pooling::none, Pooling::partial, Pooling::complete}) {
    const auto cells = cross_validate(rows, power(), {pooling, true, {}}, 0, {10, 1, true});
    // Group "study1" again, by hand.
    ListedObservations others;
    auto all = drawn_trees(6, 0.4);
    std::vector<Observation> block, held;
    while (all.read(block))
      for (const auto& row : block) {
        if (row.group == 1) {
          held.push_back(row);
        } else {
          others.add(all.genera().names()[static_cast<size_t>(row.genus)], row.height_m, row.biomass);
        }
      }
    const auto fit = fit_rows(kept(others), power(), {pooling, true, {}});
    double expected = 0, found = 0;
    for (const auto& row : held) {
      if (row.height_m < 1.3) continue;
      const auto& own = fit.genera[static_cast<size_t>(row.genus)];
      const auto& p = own.estimable() && (pooling != Pooling::none || own.n >= 3) ? own.parameters : fit.all.parameters;
      expected += std::pow(std::log(row.biomass) - p[0] - p[1] * std::log(row.height_m), 2);
    }
    for (const auto& cell : cells) found += cell.fold == 1 ? cell.squared_error : 0;
    EXPECT_NEAR(found, expected, 1e-5 * expected) << to_text(pooling);
  }
}

TEST(CrossValidation, a_fold_without_which_there_is_no_fit_is_named_and_the_fit_is_kept) {
  ListedObservations trees;
  for (int i = 0; i < 30; ++i)
    trees.add(i < 20 ? "a" : "b", 2 + i % 10 + 0.1 * i, 3 + i, i < 20 ? "s" + std::to_string(i % 2) : "only");
  const auto rows = kept(std::move(trees));
  const Folds folds{0, 1, true};
  EXPECT_THAT(message_of([&] {
                cross_validate(rows, power(), {Pooling::partial, true, {}}, 0, folds);
              }),
              testing::AllOf(HasSubstr("without group \"only\""), HasSubstr("needs two genera")));
  const auto compared = compare_laws(rows, folds);
  for (const auto& c : compared) {
    if (c.law != &power() || c.pooling != Pooling::partial) continue;
    EXPECT_EQ(c.problem, "");
    EXPECT_THAT(c.held_out_problem, HasSubstr("without group \"only\""));
    EXPECT_TRUE(std::isfinite(c.fit.aic()));
    EXPECT_TRUE(std::isnan(c.rmse));
  }
}

TEST(KeptRows, heights_of_single_precision_are_at_the_threshold) {
  class FloatObservations : public ListedObservations {
    bool single_precision() const override { return true; }
  } floats;
  ListedObservations doubles;
  for (ListedObservations* trees : {static_cast<ListedObservations*>(&floats), &doubles}) {
    trees->add("a", static_cast<double>(1.3F), 5);
    trees->add("a", 1.2999, 5);
    trees->add("a", 1.31, 5);
  }
  EXPECT_EQ(KeptRows(floats, 1.3).counts().kept, 2);
  EXPECT_EQ(KeptRows(doubles, 1.3).counts().kept, 1);
}

TEST(KeptRows, every_row_is_counted_once_and_read_again) {
  ListedObservations trees;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  trees.add("", 5, 5);
  trees.add("a", nan, 5);
  trees.add("a", 5, std::numeric_limits<double>::infinity());
  trees.add("a", -1, 5);
  trees.add("a", 1.29, 5);
  trees.add("a", 5, 0);
  for (int i = 0; i < 150000; ++i) trees.add("a", 1.3 + i, 1 + i);
  const KeptRows rows(trees, 1.3);
  const auto& counts = rows.counts();
  EXPECT_EQ(counts.genus_missing, 1);
  EXPECT_EQ(counts.height_missing, 1);
  EXPECT_EQ(counts.biomass_missing, 1);
  EXPECT_EQ(counts.height_not_positive, 1);
  EXPECT_EQ(counts.height_below, 1);
  EXPECT_EQ(counts.biomass_not_positive, 1);
  EXPECT_EQ(counts.kept, 150000) << "a height of exactly 1.3 m is kept";
  int64_t seen = 0;
  rows.for_each([&](const KeptRow* row, size_t count) {
    for (size_t i = 0; i < count; ++i, ++seen)
      ASSERT_DOUBLE_EQ(row[i].log_biomass, std::log(1.0 + static_cast<double>(seen)));
  });
  EXPECT_EQ(seen, 150000);
  ListedObservations low;
  low.add("a", 1, 1);
  EXPECT_THAT(message_of([&] { KeptRows(low, 1.3); }),
              HasSubstr("no row is left to fit: read 1, kept 0; dropped: 1 height below 1.3 m"));
}

}  // namespace
}  // namespace polytask
