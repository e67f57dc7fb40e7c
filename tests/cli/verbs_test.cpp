// The verbs as a user calls them, from training to export.
#include "support/experiments.h"
#include "support/program.h"
#include "support/temporary_directory.h"

#include <polytask/io/atomic_file.h>
#include <polytask/io/csv.h>
#include <polytask/io/json.h>
#include <polytask/io/safetensors.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace polytask {
namespace {

using testing::HasSubstr;

class Verbs : public testing::Test {
 protected:
  ProgramResult run(const std::string& arguments) { return run_polytask(arguments, directory_.path()); }
  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }
  ProgramResult ok(const std::string& arguments) {
    const auto result = run(arguments);
    EXPECT_EQ(result.status, 0) << arguments << "\n" << result.err;
    return result;
  }
  TemporaryDirectory directory_;
};

std::string last_line(const std::string& text) {
  const auto end = text.find_last_not_of('\n');
  const auto begin = text.rfind('\n', end);
  return text.substr(begin + 1, end - begin);
}

TEST_F(Verbs, InfoListVersionHelp) {
  EXPECT_THAT(ok("--version").out, HasSubstr("polytask 0."));
  EXPECT_THAT(ok("info").out, HasSubstr("libtorch"));
  EXPECT_THAT(ok("list").out, HasSubstr("uncertainty"));
  EXPECT_THAT(ok("list balancing").out, HasSubstr("initial_log_vars"));
  EXPECT_THAT(ok("list data").out, HasSubstr("implants"));
  EXPECT_THAT(ok("--help").out, HasSubstr("train"));
  for (const char* verb : {"train", "compare", "evaluate", "predict", "export", "data", "list", "info"})
    EXPECT_THAT(ok(std::string(verb) + " --help").out, HasSubstr("Usage")) << verb;
}

TEST_F(Verbs, ReferenceDocumentationIsUpToDate) {
  EXPECT_EQ(ok("list --markdown").out, read_file("docs/reference.md"))
      << "write it again: build/release/bin/polytask list --markdown > docs/reference.md";
}

TEST_F(Verbs, PrintConfigCanBeFedBack) {
  write_file_atomically(path("a.yaml"), std::string(small_experiment()));
  const auto first = ok("train " + path("a.yaml") + " --print-config");
  write_file_atomically(path("b.yaml"), first.out);
  EXPECT_EQ(ok("train " + path("b.yaml") + " --print-config").out, first.out);
}

TEST_F(Verbs, EveryExampleResolves) {
  for (const auto& entry : std::filesystem::directory_iterator("examples"))
    if (entry.path().extension() == ".yaml") ok("train " + entry.path().string() + " --print-config");
}

TEST_F(Verbs, CheckTrainsOneStep) {
  write_file_atomically(path("a.yaml"), std::string(small_experiment()));
  EXPECT_THAT(ok("train " + path("a.yaml") + " --check").out, HasSubstr("check passed"));
}

TEST_F(Verbs, TableFromTrainingToExport) {
  ok("data make tabular -o " + path("made") + " --count 400");
  write_file_atomically(
      path("t.yaml"),
      "name: t\ndata: {source: table, path: " + path("made/train.csv") + ", validation_path: " + path("made/val.csv") +
          ", batch_size: 32}\nmodel: {backbone: {type: mlp, hidden: [16]}}\n"
          "tasks: {kind: {type: classification, target: kind}, y: {type: regression, target: strength}}\n"
          "train: {epochs: 3}\n");
  const auto trained = ok("train " + path("t.yaml") + " --run-dir " + path("run") + " data.exclude=[defect,price]");
  EXPECT_EQ(last_line(trained.out), "run: " + path("run"));
  EXPECT_THAT(trained.out, HasSubstr("accuracy"));
  EXPECT_THAT(trained.out, HasSubstr("rmse"));
  EXPECT_TRUE(trained.err.find("accuracy") == std::string::npos) << "results belong on standard output";

  EXPECT_THAT(ok("evaluate " + path("run") + " --split validation --confusion --json " + path("e.json")).out,
              HasSubstr("accuracy"));
  EXPECT_NE(read_json_file(path("e.json")).find("kind"), nullptr);
  EXPECT_EQ(run("evaluate " + path("run")).status, 2) << "there are no test rows";

  ok("predict " + path("run") + " " + path("made/val.csv") + " -o " + path("p.csv"));
  const auto sheet = run("predict " + path("run") + " " + path("made/val.csv") + " -o " + path("p.xls"));
  EXPECT_EQ(sheet.status, 2);
  EXPECT_THAT(sheet.err, HasSubstr("p.xls: predictions are written as .csv or .json"));
  for (const char* option : {"--tile 64", "--batch 2", "--partial-input"}) {
    const auto mapped =
        run("predict " + path("run") + " " + path("made/val.csv") + " -o " + path("p.csv") + " " + option);
    EXPECT_EQ(mapped.status, 2);
    EXPECT_THAT(mapped.err, HasSubstr("is about maps of rasters, and this run reads none"));
  }
  const auto predictions = read_csv(path("p.csv"));
  EXPECT_EQ(predictions.rows(), read_csv(path("made/val.csv")).rows());
  ok("predict " + path("run") + " " + path("made/val.csv") + " -o " + path("p.json"));
  EXPECT_EQ(read_json_file(path("p.json")).items().size(), static_cast<size_t>(predictions.rows()));

  EXPECT_THAT(ok("export " + path("run") + " -o " + path("model.pt")).out, HasSubstr("largest difference"));
  ok("export " + path("run") + " -o " + path("model.safetensors"));
  EXPECT_FALSE(read_safetensors(path("model.safetensors")).tensors.empty());
  EXPECT_THAT(ok("train --resume " + path("run")).out, HasSubstr("run: "));
}

TEST_F(Verbs, ImagesFromMakingToPredicting) {
  ok("data make implants -o " + path("made") + " --count 60");
  write_file_atomically(
      path("i.yaml"),
      "name: i\ndata: {source: images, train: " + path("made/train.json") + ", validation: " + path("made/val.json") +
          ", channels: 1, batch_size: 16}\nmodel: {backbone: {type: lenet, channels: [4, 8]}}\n"
          "tasks: {company: {type: classification, target: company}, length: {type: regression, target: length}}\n"
          "train: {epochs: 1}\n");
  ok("train " + path("i.yaml") + " --run-dir " + path("run"));
  ok("predict " + path("run") + " " + path("made/images") + " -o " + path("p.csv"));
  EXPECT_EQ(read_csv(path("p.csv")).rows(), 60);
  ok("export " + path("run") + " -o " + path("model.pt"));
}

TEST_F(Verbs, AnInterruptLeavesACheckpointAndStatus130) {
  write_file_atomically(path("a.yaml"), std::string(small_experiment()));
  const std::string shell = "sh -c '" + std::string(POLYTASK_PROGRAM) + " train " + path("a.yaml") +
                            " train.epochs=100000 train.checkpoint_every=5 --run-dir " + path("run") +
                            " >/dev/null 2>" + path("err") + " & pid=$!; while [ ! -e " +
                            path("run/checkpoints/last.safetensors") +
                            " ]; do sleep 0.1; done; kill -INT $pid; wait $pid'";
  const int raw = std::system(shell.c_str());
  EXPECT_EQ(WEXITSTATUS(raw), 130);
  EXPECT_THAT(read_file(path("err")), HasSubstr("--resume"));
  EXPECT_EQ(read_json_file(path("run/run.json")).text_or("status", ""), "interrupted");
}

}  // namespace
}  // namespace polytask
