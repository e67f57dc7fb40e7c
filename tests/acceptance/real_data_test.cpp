// Real tables and images: our networks against linear models fitted on the same inputs and the same split.
#include "support/baselines.h"
#include "support/shared_data.h"
#include "support/temporary_directory.h"

#include <polytask/core/log.h>
#include <polytask/objectives/metric.h>
#include <polytask/training/train.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace polytask {
namespace {

using testing::HasSubstr;

class RealData : public testing::Test {
 protected:
  // Trains an example on the real files and keeps a session for the baselines.
  void train_example(const std::string& example, const std::vector<std::string>& overrides) {
    auto assignments = overrides;
    assignments.push_back("device=cpu");
    configuration_ = load_configuration("examples/" + example + ".yaml", assignments);
    result_ = train(configuration_, {(directory_.path() / "run").string(), {"test"}});
    session_.emplace(open_session(resolve_experiment(configuration_)));
  }
  double ours(const std::string& key) const { return result_.test->find(key, result_.tasks).value; }

  struct Rows {
    at::Tensor features, target;
  };
  // All rows of one part, with the features the network saw (images flattened); only rows labelled for the task.
  Rows rows(const std::vector<int64_t>& part, const std::string& task) const {
    const auto batch = session_->data.dataset->batch(part);
    Rows rows{batch.inputs.begin()->second.flatten(1), batch.targets.at(task)};
    const auto valid = batch.valid.find(task);
    if (valid == batch.valid.end()) return rows;
    const auto keep = valid->second.reshape({rows.target.size(0), -1}).all(1);
    return {rows.features.index({keep}), rows.target.index({keep})};
  }
  std::vector<int64_t> fitting_rows() const {
    auto all = session_->data.split.train;
    all.insert(all.end(), session_->data.split.validation.begin(), session_->data.split.validation.end());
    return all;
  }
  struct Linear {
    at::Tensor prediction, target;
    double rmse(int64_t column = 0) const {
      return (prediction.select(1, column) - target.reshape({target.size(0), -1}).select(1, column))
          .pow(2)
          .mean()
          .sqrt()
          .item<double>();
    }
    double mae(int64_t column = 0) const {
      return (prediction.select(1, column) - target.reshape({target.size(0), -1}).select(1, column))
          .abs()
          .mean()
          .item<double>();
    }
  };
  Linear ridge(const std::string& task, double penalty) const {
    const auto fit = rows(fitting_rows(), task), test = rows(session_->data.split.test, task);
    const auto coefficients = fit_ridge(fit.features, fit.target.reshape({fit.target.size(0), -1}), penalty);
    return {predict_linear(test.features, coefficients), test.target.to(at::kDouble)};
  }
  struct Logistic {
    double accuracy, auroc;
  };
  Logistic logistic(const std::string& task) const {
    const auto fit = rows(fitting_rows(), task), test = rows(session_->data.split.test, task);
    const auto coefficients = fit_logistic(fit.features, fit.target, 1.0);
    const auto p = at::sigmoid(predict_linear(test.features, coefficients)).flatten();
    const auto y = test.target.flatten();
    auto auroc = binary_metrics().create(Node::map_of({{"type", Node::scalar_of("auroc")}}), 1);
    auroc->update({p, y});
    return {((p > 0.5) == (y > 0.5)).to(at::kDouble).mean().item<double>(), auroc->value()};
  }

  TemporaryDirectory directory_;
  Node configuration_;
  TrainResult result_;
  std::optional<Session> session_;
};

// "" where the data is here, otherwise why the test is skipped.
std::string absent(const std::filesystem::path& path) {
  return std::filesystem::exists(path) ? "" : path.string() + " is not here";
}

void report(const std::string& what, double ours, double linear) {
  fmt::print("{:44} ours {:9.4f}   linear {:9.4f}\n", what, ours, linear);
}

TEST_F(RealData, EnergyBeatsRidge) {
  const auto file = shared_path("data/tabular/energy/energy_efficiency.csv");
  if (const auto why = absent(file); !why.empty()) GTEST_SKIP() << why;
  train_example("energy", {"data.path=" + file.string()});
  for (const std::string task : {"heating", "cooling"}) {
    const double linear = ridge(task, 1e-3).rmse(), network = ours(task + "/rmse");
    report("energy " + task + " RMSE [kWh/m²]", network, linear);
    EXPECT_LT(network, 0.8 * linear);
  }
}

TEST_F(RealData, AdultBeatsLogisticAndRidge) {
  const auto folder = shared_path("data/tabular/adult");
  if (const auto why = absent(folder); !why.empty()) GTEST_SKIP() << why;
  train_example(
      "adult", {"data.path=" + (folder / "adult.data").string(), "data.test_path=" + (folder / "adult.test").string()});
  EXPECT_EQ(session_->data.split.test.size(), 16281u);
  EXPECT_EQ(fitting_rows().size(), 32561u);
  for (const std::string task : {"income", "never_married"}) {
    const auto linear = logistic(task);
    report("adult " + task + " AUROC", ours(task + "/auroc"), linear.auroc);
    report("adult " + task + " accuracy", ours(task + "/accuracy"), linear.accuracy);
    EXPECT_GT(ours(task + "/auroc"), linear.auroc);
    EXPECT_GT(ours(task + "/accuracy"), linear.accuracy);
  }
  const double linear = ridge("hours", 1.0).rmse();
  report("adult hours_per_week RMSE [h]", ours("hours/rmse"), linear);
  EXPECT_LT(ours("hours/rmse"), linear);
}

TEST_F(RealData, ParkinsonsIsSplitBySubject) {
  const auto file = shared_path("data/tabular/parkinsons/parkinsons.csv");
  if (const auto why = absent(file); !why.empty()) GTEST_SKIP() << why;
  train_example("parkinsons", {"data.path=" + file.string()});
  const auto subject = session_->data.dataset->source().column("subject");
  std::set<std::string> train, test;
  for (const auto row : fitting_rows()) train.insert(subject.label(row));
  for (const auto row : session_->data.split.test) test.insert(subject.label(row));
  for (const auto& person : test) EXPECT_EQ(train.count(person), 0u) << person;
  EXPECT_TRUE(session_->data.warnings.empty());
  report("parkinsons by subject, motor MAE", ours("motor/mae"), ridge("motor", 1.0).mae());
  report("parkinsons by subject, total MAE", ours("total/mae"), ridge("total", 1.0).mae());
}

TEST_F(RealData, ARandomRowSplitOfParkinsonsDrawsTheLeakWarning) {
  const auto file = shared_path("data/tabular/parkinsons/parkinsons.csv");
  if (const auto why = absent(file); !why.empty()) GTEST_SKIP() << why;
  const auto node =
      load_configuration("examples/parkinsons.yaml", {"data.path=" + file.string(), "data.split.group=", "device=cpu"});
  const auto session = open_session(resolve_experiment(node));
  ASSERT_EQ(session.data.warnings.size(), 1u);
  EXPECT_THAT(session.data.warnings[0], HasSubstr("subject"));
  EXPECT_THAT(session.data.warnings[0], HasSubstr("data.split.group"));
}

TEST_F(RealData, MeasuresOfDigitsBeatRidgeOnPixels) {
  const auto file = shared_path("data/mnist_measure/annotations.json");
  if (const auto why = absent(file); !why.empty()) GTEST_SKIP() << why;
  train_example("mnist_measure", {"data.annotations=" + file.string()});
  EXPECT_EQ(session_->data.split.train.size(), 450u);
  EXPECT_EQ(session_->data.split.test.size(), 150u);
  // The penalty that serves the baseline best on the test rows: a handicap for us, not for it.
  const std::vector<std::string> names = {"measure.width_px", "measure.height_px", "measure.ink"};
  for (size_t k = 0; k < names.size(); ++k) {
    double linear = 1e9;
    for (const double penalty : {1.0, 10.0, 100.0, 1000.0})
      linear = std::min(linear, ridge("measures", penalty).mae(static_cast<int64_t>(k)));
    const double network = ours("measures/mae/" + names[k]);
    report("mnist_measure " + names[k] + " MAE", network, linear);
    if (k < 2) EXPECT_LT(network, linear);
  }
  EXPECT_GT(ours("digit/accuracy"), 0.85);
}

}  // namespace
}  // namespace polytask
