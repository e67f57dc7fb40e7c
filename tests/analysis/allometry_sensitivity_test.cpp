#include <polytask/allometry/allometry_coupling.h>
#include <polytask/analysis/allometry_sensitivity.h>
#include <polytask/analysis/parameter_variants.h>
#include <polytask/core/error.h>
#include <polytask/core/options.h>
#include <polytask/training/allometry_data.h>
#include <polytask/training/evaluation.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <support/experiments.h>

#include <ATen/ATen.h>

#include <cmath>

namespace polytask {
namespace {

using testing::HasSubstr;

Session forest(const std::vector<std::string>& overrides = {}) {
  Session session = open_session(resolve_experiment(configuration(R"(
seed: 3
device: cpu
data: {source: forest, count: 28, size: 16, gaps: 0.3, batch_size: 3, split: {validation: 0.2, group: scene}}
model: {backbone: {type: unet, width: 2, depth: 1}}
tasks:
  genus: {type: segmentation, target: genus, head: {type: unet_decoder}}
  height: {type: dense_regression, target: height, head: {type: unet_decoder}}
  biomass: {type: dense_regression, target: biomass, head: {type: unet_decoder}}
couplings:
  law: {type: allometry, genus: genus, height: height, biomass: biomass, parameters: training}
tracking: {tensorboard: false}
)",
                                                                  overrides)));
  session.model->eval();
  return session;
}

// Parameters of the run with one of them changed, as the coupling's state.
Node changed(const Session& session, const std::string& genus, const std::string& parameter, double difference) {
  Node state = session.couplings[0].coupling().state();
  Node parameters = *state.find("parameters"), genera = *parameters.find("genera"), one = *genera.find(genus);
  one.set(parameter, Node::scalar_of(number_text(number_of(*one.find(parameter)) + difference)));
  genera.set(genus, one);
  parameters.set("genera", genera);
  state.set("parameters", parameters);
  return state;
}

double evaluated_residual(Session& session) {
  return evaluate(session, *session.data.dataset, session.data.split.train, "test").couplings[0].second;
}

TEST(AllometrySensitivity, figures_are_those_of_evaluation) {
  for (const auto& more :
       std::vector<std::vector<std::string>>{{},
                                             {"couplings.law.average=active", "couplings.law.min_height=9"},
                                             {"couplings.law.law=segmented"},
                                             {"couplings.law.correction=baskerville"}}) {
    Session session = forest(more);
    const auto result = allometry_sensitivity(session, session.data.split.train, {"", 3, 1});
    const double expected = evaluated_residual(session);
    EXPECT_NEAR(result.fitted.residual, expected, 1e-4 * expected);
    EXPECT_EQ(result.rows, static_cast<int64_t>(session.data.split.train.size()));
    EXPECT_GT(result.compared, 0);
    EXPECT_LE(result.compared, result.pixels);
    EXPECT_EQ(result.biomass_unit, "Mg/ha");
    double shares = 0;
    for (const auto& genus : result.genera) shares += genus.share;
    EXPECT_NEAR(shares, 1, 1e-6);
  }
}

TEST(AllometrySensitivity, evaluation_does_not_depend_on_the_batch) {
  const std::vector<std::string> active = {"couplings.law.average=active", "couplings.law.min_height=9"};
  std::vector<double> values;
  for (const char* batch : {"1", "3", "20"}) {
    auto more = active;
    more.push_back(std::string("train.evaluation_batch=") + batch);
    Session session = forest(more);
    const auto found = evaluate(session, *session.data.dataset, session.data.split.train, "test");
    values.push_back(found.couplings[0].second);
    const auto result = allometry_sensitivity(session, session.data.split.train, {"", 2, 1});
    EXPECT_EQ(found.coupling_figures[0][0],
              (std::pair<std::string, double>("active", static_cast<double>(result.pixels))));
  }
  EXPECT_NEAR(values[0], values[1], 1e-5 * values[0]);
  EXPECT_NEAR(values[0], values[2], 1e-5 * values[0]);
}

TEST(AllometrySensitivity, a_moved_parameter_is_what_evaluation_makes_of_it) {
  Session session = forest();
  const auto result = allometry_sensitivity(session, session.data.split.train, {"", 2, 1});
  const auto& genus = result.genera[1];
  ASSERT_EQ(genus.swings.size(), 2U);
  for (const auto& swing : genus.swings)
    for (size_t s = 0; s < 4; ++s) {
      Session other = forest();
      other.couplings[0].coupling().load_state(
          changed(session, genus.name, swing.parameter, ParameterSwing::kSteps[s] * swing.standard_error));
      other.couplings[0].attach(other.tasks);
      const double expected = evaluated_residual(other);
      EXPECT_NEAR(swing.at[s].residual, expected, 1e-4 * expected) << swing.parameter << " " << s;
      EXPECT_NE(swing.at[s].residual, result.fitted.residual);
    }
}

// Biomass by the law, pixel by pixel.
TEST(AllometrySensitivity, converted_biomass_is_compared_with_the_truth) {
  Session session = forest();
  const auto& rows = session.data.split.train;
  const auto result = allometry_sensitivity(session, rows, {"", 2, 1});
  const auto mean = allometry_sensitivity(session, rows, {"", 2, 1, Correction::baskerville});
  const auto parameters =
      parse_parameters(*session.couplings[0].coupling().state().find("parameters"), "state", "power");
  at::NoGradGuard no_grad;
  double sum = 0, squares = 0, mean_sum = 0;
  int64_t n = 0;
  for (const int64_t row : rows) {
    const Batch batch = session.data.dataset->batch({row});
    const auto outputs = session.model->forward(batch.inputs);
    const at::Tensor genus = session.tasks[0]->predict(outputs[0]).to(at::kDouble),
                     height = session.tasks[1]->predict(outputs[1]).to(at::kDouble),
                     truth = batch.targets.at("biomass").to(at::kDouble), valid = batch.valid.at("biomass"),
                     observed = observed_everywhere(batch);
    for (int64_t y = 0; y < 16; ++y)
      for (int64_t x = 0; x < 16; ++x) {
        const double h = height[0][0][y][x].item<double>();
        if (!valid[0][0][y][x].item<bool>() || h <= 1.3) continue;
        if (observed.defined() && !observed[0][y][x].item<bool>()) continue;
        double log_biomass = 0;
        for (size_t c = 0; c < parameters.genera.size(); ++c)
          log_biomass += genus[0][static_cast<int64_t>(c)][y][x].item<double>() *
                         (parameters.genera[c].values[0] + parameters.genera[c].values[1] * std::log(h));
        const double factor = parameters.genera[0].factors.baskerville;  // all genera share their spread
        mean_sum += factor * std::exp(log_biomass) - truth[0][0][y][x].item<double>();
        const double error = std::exp(log_biomass) - truth[0][0][y][x].item<double>();
        sum += error;
        squares += error * error;
        ++n;
      }
  }
  ASSERT_GT(n, 100);
  EXPECT_EQ(result.compared, n);
  EXPECT_NEAR(result.fitted.bias, sum / static_cast<double>(n), 1e-3);
  EXPECT_NEAR(result.fitted.rmse, std::sqrt(squares / static_cast<double>(n)), 1e-3);
  EXPECT_NEAR(mean.fitted.bias, mean_sum / static_cast<double>(n), 1e-3);
  EXPECT_GT(mean.fitted.bias, result.fitted.bias);
  EXPECT_EQ(mean.fitted.residual, result.fitted.residual);
  EXPECT_EQ(mean.correction, "baskerville");
}

TEST(AllometrySensitivity, draws_come_from_the_covariance) {
  Matrix covariance(2, 2);
  covariance(0, 0) = 0.04;
  covariance(0, 1) = covariance(1, 0) = -0.018;
  covariance(1, 1) = 0.01;
  const Law& power = law_named("power", "");
  const std::vector<GenusParameters> genera = {
      {"Fagus", {1, 2}, covariance, ""}, {"Picea", {0, 1}, {}, ""}, {"Pinus", {3, 1.5}, covariance, ""}};
  constexpr int64_t kDraws = 4000;
  const ParameterVariants variants(power, genera, false, kDraws, 7, "law");
  EXPECT_EQ(variants.fixed(), std::vector<std::string>{"Picea"});
  const at::Tensor all = variants.coefficients().narrow(0, variants.drawn(0), kDraws);
  EXPECT_LT((all.mean(0) - at::tensor({1.0, 2.0, 0.0, 1.0, 3.0, 1.5}, at::kDouble)).abs().max().item<double>(), 0.02);
  const at::Tensor centred = all - all.mean(0);
  const at::Tensor found = centred.t().mm(centred) / (kDraws - 1);
  for (const int64_t g : {0, 2})
    for (int64_t i = 0; i < 2; ++i)
      for (int64_t j = 0; j < 2; ++j) EXPECT_NEAR(found[2 * g + i][2 * g + j].item<double>(), covariance(i, j), 0.003);
  EXPECT_NEAR(found[0][4].item<double>(), 0, 0.003) << "genera are drawn independently";
  EXPECT_EQ(found[2][2].item<double>(), 0);
  const at::Tensor alone = variants.coefficients().narrow(0, variants.drawn_alone(1, 0), kDraws);
  EXPECT_TRUE(at::equal(alone.narrow(1, 4, 2), all.narrow(1, 4, 2)));
  EXPECT_TRUE((alone.select(1, 0) == 1).all().item<bool>());
  EXPECT_EQ(variants.coefficients()[variants.moved(1, 1, 3)][5].item<double>(), 1.5 + 2 * 0.1);

  const ParameterVariants line(power, {{"Fagus", {1, 2}, covariance, ""}, {"Pinus", {1, 2}, covariance, ""}}, true, 5,
                               7, "law");
  ASSERT_EQ(line.groups().size(), 1U);
  const at::Tensor drawn = line.coefficients().narrow(0, line.drawn(0), 5);
  EXPECT_TRUE(at::equal(drawn.narrow(1, 0, 2), drawn.narrow(1, 2, 2))) << "one line for all genera";
}

TEST(AllometrySensitivity, a_third_coefficient_moves_though_it_is_not_drawn) {
  Matrix covariance(3, 3);
  covariance.resize(3, 3, std::nan(""));
  covariance(0, 0) = covariance(1, 1) = 0.01;
  covariance(0, 1) = covariance(1, 0) = 0;
  covariance(2, 2) = 0.04;
  const std::vector<GenusParameters> genera = {{"Fagus", {1, 2, 0.5}, covariance, ""}};
  const ParameterVariants variants(law_named("quadratic", ""), genera, false, 50, 7, "law");
  const at::Tensor drawn = variants.coefficients().narrow(0, variants.drawn(0), 50);
  EXPECT_TRUE((drawn.select(1, 2) == 0.5).all().item<bool>());
  EXPECT_GT(drawn.select(1, 0).std().item<double>(), 0.05);
  EXPECT_NEAR(variants.coefficients()[variants.moved(0, 2, 3)][2].item<double>(), 0.5 + 2 * 0.2, 1e-12);
}

TEST(AllometrySensitivity, parameters_without_uncertainty_are_refused) {
  const auto message = [](Session session, const std::string& coupling = "") {
    try {
      allometry_sensitivity(session, session.data.split.train, {coupling, 2, 1});
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string("(no error)");
  };
  EXPECT_THAT(message(forest({"couplings.law.parameters={alpha: 0.1, beta: 1.5, unit: Mg/ha}"})),
              AllOf(HasSubstr("coupling \"law\""), HasSubstr("without an uncertainty"), HasSubstr("training")));
  EXPECT_THAT(message(forest({"couplings={}"})), HasSubstr("none of type allometry"));
  EXPECT_THAT(message(forest(), "lwa"), HasSubstr("did you mean \"law\""));
}

}  // namespace
}  // namespace polytask
