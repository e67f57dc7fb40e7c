#include "support/experiments.h"
#include "support/temporary_directory.h"

#include <polytask/config/experiment_options.h>
#include <polytask/core/error.h>
#include <polytask/data/make.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/csv.h>
#include <polytask/io/json.h>
#include <polytask/training/export.h>
#include <polytask/training/predictor.h>
#include <polytask/training/train.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

namespace polytask {
namespace {

using testing::HasSubstr;

// A run on real CSV files, whose training data is then taken away.
class PredictorTest : public testing::Test {
 protected:
  void SetUp() override {
    make_data("tabular", {directory_.path() / "made", 800, 5, 0.25});
    train(configuration(R"(
name: table
device: cpu
model: {backbone: {type: mlp, hidden: [16]}}
tasks:
  kind: {type: classification, target: kind}
  faulty: {type: binary, target: defect}
  figures: {type: regression, targets: [strength, price]}
optimizer: {lr: 5e-3}
train: {epochs: 15}
tracking: {tensorboard: false}
)",
                        {"data={source: table, path: " + path("made/train.csv") +
                         ", validation_path: " + path("made/val.csv") + ", split: {test: 0.2}}"}),
          {path("run"), {}});
    std::filesystem::rename(path("made/val.csv"), path("val.csv"));
    std::filesystem::remove_all(path("made"));
  }
  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }
  TemporaryDirectory directory_;
};

TEST_F(PredictorTest, PredictsFilesWithoutTheTrainingData) {
  Predictor predictor(path("run"));
  EXPECT_EQ(predictor.tasks(), (std::vector<std::string>{"kind", "faulty", "figures"}));
  const auto predictions = predictor.predict(std::vector<std::string>{path("val.csv")});
  const auto table = read_csv(path("val.csv"));
  ASSERT_EQ(static_cast<int64_t>(predictions.rows.size()), table.rows());
  EXPECT_THAT(predictions.rows[0], HasSubstr("val.csv:2"));
  const auto& kind = predictions.task("kind");
  EXPECT_TRUE(kind.values.sum(1).allclose(at::ones({table.rows()}, kind.values.scalar_type())));
  const auto truth = table.columns[static_cast<size_t>(table.column_index("kind"))];
  int64_t right = 0;
  for (int64_t i = 0; i < table.rows(); ++i) right += kind.label(i) == truth[static_cast<size_t>(i)];
  EXPECT_GT(right, table.rows() / 2);
  EXPECT_EQ(predictions.task("figures").values.size(1), 2);
  // Values are in real units: their mean is near the labels' mean, far from a standardised one.
  double mean = 0;
  for (const auto& cell : table.columns[static_cast<size_t>(table.column_index("strength"))])
    mean += csv_number(cell, false, "");
  mean /= static_cast<double>(table.rows());
  EXPECT_NEAR(predictions.task("figures").values.select(1, 0).mean().item<double>(), mean, 0.25 * std::abs(mean) + 1);
}

TEST_F(PredictorTest, ColumnsMayStandInAnyOrder) {
  auto table = read_csv(path("val.csv"));
  std::string shuffled;
  for (int64_t r = -1; r < table.rows(); ++r) {
    std::vector<std::string> cells;
    for (size_t c = table.names.size(); c-- > 0;)
      cells.push_back(r < 0 ? table.names[c] : table.columns[c][static_cast<size_t>(r)]);
    shuffled += csv_line(cells) + "\n";
  }
  write_file_atomically(path("shuffled.csv"), shuffled);
  Predictor predictor(path("run"));
  const auto a = predictor.predict(std::vector<std::string>{path("val.csv")});
  const auto b = predictor.predict(std::vector<std::string>{path("shuffled.csv")});
  for (size_t t = 0; t < a.tasks.size(); ++t) EXPECT_TRUE(a.tasks[t].values.equal(b.tasks[t].values));
}

TEST_F(PredictorTest, RefusesWhatDoesNotFit) {
  Predictor predictor(path("run"));
  write_file_atomically(path("short.csv"), std::string("x1,x2\n1,2\n"));
  try {
    predictor.predict(std::vector<std::string>{path("short.csv")});
    FAIL();
  } catch (const InputError& e) {
    EXPECT_THAT(e.what(), HasSubstr("short.csv"));
    EXPECT_THAT(e.what(), HasSubstr("x3"));
  }
  EXPECT_THROW(predictor.predict(at::zeros({2, 1})), InputError);
  EXPECT_THROW(predictor.predict(std::vector<std::string>{path("val.csv")}).task("kin"), InputError);
}

TEST_F(PredictorTest, WritesCsvAndJson) {
  Predictor predictor(path("run"));
  const auto predictions = predictor.predict(std::vector<std::string>{path("val.csv")});
  write_predictions(path("p.csv"), predictions);
  const auto csv = read_csv(path("p.csv"));
  EXPECT_THAT(csv.names, testing::Contains("kind_probability"));
  EXPECT_EQ(csv.rows(), static_cast<int64_t>(predictions.rows.size()));
  write_predictions(path("p.json"), predictions);
  const Node json = read_json_file(path("p.json"));
  const auto* first = json.items()[0].find("kind");
  EXPECT_EQ(first->text_or("class", ""), csv.columns[static_cast<size_t>(csv.column_index("kind"))][0]);
  EXPECT_THROW(write_predictions(path("p.txt"), predictions), InputError);
}

TEST_F(PredictorTest, TorchScriptAgreesForAnyBatchSize) {
  Predictor predictor(path("run"));
  auto session = open_model(read_run_configuration(path("run")), load_checkpoint(find_checkpoint(path("run"), "best")));
  const auto report = export_torchscript(session, path("model.pt"));
  EXPECT_LT(report.largest_difference, 1e-5);
  auto module = torch::jit::load(path("model.pt"));
  EXPECT_EQ(module.attr("tasks").toList().size(), 3u);
  EXPECT_EQ(module.attr("outputs").toGenericDict().at("kind").toList().size(),
            predictor.predict(at::zeros({1, predictor.input().shape[0]})).tasks[0].names.size());
  for (const int64_t n : {1, 2, 17}) {
    const auto raw = at::rand({n, predictor.input().shape[0]});
    const auto expected = predictor.predict(raw);
    const auto got = module.forward({raw}).toTuple();
    for (size_t t = 0; t < expected.tasks.size(); ++t)
      EXPECT_TRUE(got->elements()[t].toTensor().allclose(expected.tasks[t].values, 1e-5, 1e-5)) << n;
  }
}

TEST_F(PredictorTest, TorchScriptKeepsMissingValuesAndUnknownCategories) {
  auto session = open_model(read_run_configuration(path("run")), load_checkpoint(find_checkpoint(path("run"), "best")));
  export_torchscript(session, path("model.pt"));
  auto module = torch::jit::load(path("model.pt"));
  Predictor predictor(path("run"));
  auto raw = at::rand({4, predictor.input().shape[0]});
  raw.select(0, 1).fill_(std::nan(""));
  raw.select(0, 2).fill_(-1);
  const auto got = module.forward({raw}).toTuple();
  const auto expected = predictor.predict(raw);
  for (size_t t = 0; t < expected.tasks.size(); ++t) {
    const auto values = got->elements()[t].toTensor();
    EXPECT_TRUE(values.isfinite().all().item<bool>());
    EXPECT_TRUE(values.allclose(expected.tasks[t].values, 1e-5, 1e-5));
  }
}

}  // namespace
}  // namespace polytask
