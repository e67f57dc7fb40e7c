// Everything a user can get wrong: a message that says what, where and what would be right, and exit status 2.
#include "support/experiments.h"
#include "support/program.h"
#include "support/temporary_directory.h"

#include <polytask/io/atomic_file.h>
#include <polytask/io/idx.h>
#include <polytask/io/image.h>
#include <polytask/io/json.h>
#include <polytask/io/npy.h>
#include <polytask/io/safetensors.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

namespace polytask {
namespace {

using testing::HasSubstr;
using testing::Not;

class BadInput : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& content) {
    write_file_atomically(directory_.path() / name, content);
    return (directory_.path() / name).string();
  }
  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }
  void cut(const std::string& name, double share) {
    std::filesystem::resize_file(
        path(name), static_cast<uintmax_t>(share * static_cast<double>(std::filesystem::file_size(path(name)))));
  }
  ProgramResult run(const std::string& arguments) { return run_polytask(arguments, directory_.path()); }
  // The program must refuse with status 2, say every phrase, leave no stack trace and no run behind.
  void refused(const std::string& arguments, const std::vector<std::string>& phrases) {
    SCOPED_TRACE(arguments);
    const auto result = run(arguments);
    EXPECT_EQ(result.status, 2) << result.err;
    for (const auto& phrase : phrases) EXPECT_THAT(result.err, HasSubstr(phrase));
    EXPECT_THAT(result.err, Not(HasSubstr("frame #")));
    EXPECT_THAT(result.err, Not(HasSubstr("terminate called")));
    EXPECT_FALSE(std::filesystem::exists(path("run")));
  }
  // Found only when the sample is read: the run exists, and says that it failed.
  void fails(const std::string& arguments, const std::vector<std::string>& phrases) {
    SCOPED_TRACE(arguments);
    const auto result = run(arguments);
    EXPECT_EQ(result.status, 2) << result.err;
    for (const auto& phrase : phrases) EXPECT_THAT(result.err, HasSubstr(phrase));
    if (std::filesystem::exists(path("run"))) {
      EXPECT_EQ(read_json_file(path("run/run.json")).text_or("status", ""), "failed");
      std::filesystem::remove_all(path("run"));
    }
  }
  std::string train(const std::string& data, const std::string& tasks, const std::string& extra = "") {
    const auto config =
        write("bad.yaml", "data: " + data + "\nmodel: {backbone: {type: mlp, hidden: [4]}}\ntasks: " + tasks +
                              "\ntrain: {epochs: 1}\n");
    return "train " + config + " --run-dir " + path("run") + " " + extra;
  }
  void make_idx() {
    write_idx(path("train-images-idx3-ubyte"), at::arange(20 * 16).remainder(255).reshape({20, 4, 4}).to(at::kByte));
    write_idx(path("train-labels-idx1-ubyte"), at::arange(20).remainder(10).to(at::kByte));
  }
  std::string idx_data() const { return "{source: idx, root: " + directory_.path().string() + "}"; }
  const std::string digit_ = "{digit: {type: classification, target: label, classes: 10}}";
  TemporaryDirectory directory_;
};

TEST_F(BadInput, VerbsAndArguments) {
  refused("trian x.yaml", {"unknown verb \"trian\"", "did you mean \"train\""});
  refused("", {"--help"});
  refused("train", {"no configuration is given"});
  refused("train x.yaml --no-such-flag", {"--no-such-flag"});
  refused("train " + path("missing.yaml"), {"missing.yaml"});
  refused("train " + directory_.path().string(), {directory_.path().string()});
  refused("train --resume " + path("nowhere"), {"nowhere", "no run directory"});
  refused("evaluate " + path("nowhere"), {"nowhere", "no run directory"});
  refused("predict " + path("nowhere") + " x.png -o " + path("out.csv"), {"nowhere"});
  refused("export " + path("nowhere") + " -o " + path("model.onnx"), {"model.onnx", ".pt"});
  refused("list backbnes", {"backbnes", "did you mean \"backbones\""});
  refused("data make implant -o " + path("made"), {"implant", "did you mean \"implants\""});
  refused("data make tabular -o " + path("made") + " --validation -0.5", {"validation: -0.5", "[0, 1)"});
}

TEST_F(BadInput, Configuration) {
  const std::string data = "{source: tabular, count: 50}", task = "{kind: {type: classification, target: kind}}";
  refused(train(data, task, "optimizer.lrr=1"), {"command line", "optimizer.lrr", "did you mean \"lr\""});
  refused(train(data, task, "train.epochs=many"), {"train.epochs", "number", "many"});
  refused(train(data, task, "train.epochs=0"), {"train.epochs", "≥ 1"});
  refused(train(data, task, "balancing.method=uncertanty"), {"uncertanty", "did you mean \"uncertainty\""});
  refused(train(data, task, "model.backbone.type=lennet"), {"lennet", "did you mean \"lenet\""});
  refused(train(data, task, "data.source=tabula"), {"tabula", "did you mean \"tabular\""});
  refused(train(data, task, "tasks.kind.type=clasification"), {"did you mean \"classification\""});
  refused(train(data, task, "tasks.kind.target=kin"), {"kin", "did you mean \"kind\""});
  refused(train(data, task, "device=tpu"), {"device", "tpu"});
  refused(train(data, task, "nonsense"), {"nonsense", "="});
  refused("train " + write("two.yaml", "name: a\nname: b\n"), {"two.yaml:2", "name"});
  refused("train " + write("open.yaml", "data: {source: tabular\n"), {"open.yaml"});
  refused("train " + write("none.yaml", "name: a\n"), {"\"data\""});
}

TEST_F(BadInput, IdxFiles) {
  refused(train(idx_data(), digit_), {"train-images"});
  make_idx();
  cut("train-images-idx3-ubyte", 0.5);
  refused(train(idx_data(), digit_), {"train-images-idx3-ubyte"});
  make_idx();
  write_idx(path("train-labels-idx1-ubyte"), at::zeros({19}, at::kByte));
  refused(train(idx_data(), digit_), {"19", "20"});
  make_idx();
  write("train-labels-idx1-ubyte", "no idx at all");
  refused(train(idx_data(), digit_), {"train-labels-idx1-ubyte"});
}

TEST_F(BadInput, TruncatedGzip) {
  make_idx();
  const std::string image = path("train-images-idx3-ubyte");
  ASSERT_EQ(std::system(("gzip -f " + image).c_str()), 0);
  cut("train-images-idx3-ubyte.gz", 0.6);
  refused(train(idx_data(), digit_), {"train-images-idx3-ubyte.gz"});
}

TEST_F(BadInput, ClassIndexOutOfRange) {
  make_idx();
  refused(train(idx_data(), "{digit: {type: classification, target: label, classes: 5}}"), {"digit", "5"});
}

TEST_F(BadInput, Tables) {
  const auto table = [&](const std::string& content) {
    return "{source: table, path: " + write("t.csv", content) + ", batch_size: 2}";
  };
  const std::string regression = "{y: {type: regression, target: y}}";
  refused(train(table("a,y\n1,2\n1,2,3\n"), regression), {"t.csv:3", "3", "2"});
  refused(train(table("a,y\n1,2\n3,nan\n"), regression), {"t.csv:3", "nan"});
  refused(train(table("a,y\n1,2\n3,inf\n"), regression), {"t.csv:3", "inf"});
  refused(train(table("a,y\n1,2\n3,tall\n"), regression), {"y", "tall"});
  refused(train(table("a,y\n"), regression), {"t.csv"});
  refused(train(table(""), regression), {"t.csv"});
  refused(train("{source: table, path: " + path("none.csv") + "}", regression), {"none.csv"});
}

TEST_F(BadInput, NumpyArrays) {
  write_npy(path("x.npy"), at::arange(40, at::kFloat).reshape({10, 4}));
  write_npy(path("y.npy"), at::arange(10, at::kFloat));
  const std::string data = "{source: arrays, path: " + path("x.npy") + ", columns: {y: " + path("y.npy") + "}}";
  cut("x.npy", 0.7);
  refused(train(data, "{y: {type: regression, target: y}}"), {"x.npy"});
}

TEST_F(BadInput, Images) {
  write_png(path("a.png"), at::full({1, 16, 16}, 100, at::kByte));
  write_png(path("b.png"), at::full({1, 16, 16}, 200, at::kByte));
  const auto list = write("list.json", R"([{"image": "a.png", "y": 1}, {"image": "b.png", "y": 2}])");
  const std::string data = "{source: images, annotations: " + list + ", channels: 1, batch_size: 2}";
  const std::string task = "{y: {type: regression, target: y}}";
  write_png(path("b.png"), at::full({1, 8, 16}, 200, at::kByte));
  fails(train(data, task), {"b.png", "16", "8", "size"});
  write_png(path("b.png"), at::full({1, 16, 16}, 200, at::kByte));
  cut("b.png", 0.5);
  fails(train(data, task), {"b.png"});
  std::filesystem::remove(path("b.png"));
  fails(train(data, task), {"b.png"});
  write("list.json", R"([{"image": "a.png", "y": 1}, {"image")");
  fails(train(data, task), {"list.json"});
}

TEST_F(BadInput, HeadsAndWeights) {
  const std::string data = "{source: tabular, count: 50}";
  refused(train(data, "{kind: {type: classification, target: kind, head: {type: linear, level: layer4}}}"), {"layer4"});
  refused(train("{source: tabular, count: 50}", "{kind: {type: classification, target: kind}}",
                "model.backbone='{type: lenet}'"),
          {"lenet"});
  const std::string task = "{kind: {type: classification, target: kind}}";
  refused(train(data, task, "model.weights.path=" + path("none.safetensors")), {"none.safetensors"});
  write_safetensors(path("w.safetensors"), {{"other.weight", at::zeros({64, 64})}});
  refused(train(data, task, "model.weights.path=" + path("w.safetensors")), {"w.safetensors"});
  cut("w.safetensors", 0.8);
  refused(train(data, task, "model.weights.path=" + path("w.safetensors")), {"w.safetensors"});
}

TEST_F(BadInput, RunDirectoryInUseOrOccupied) {
  write("occupied.txt", "mine");
  const auto config = write("small.yaml", small_experiment());
  refused("train " + config + " --run-dir " + directory_.path().string(), {"not an empty directory"});
  EXPECT_EQ(read_file(path("occupied.txt")), "mine");
}

TEST_F(BadInput, FullDisk) {
  const auto disk = directory_.path() / "disk";
  std::filesystem::create_directory(disk);
  if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=96k") != 0)
    GTEST_SKIP() << "needs the right to mount a small tmpfs";
  const auto config = write("small.yaml", small_experiment());
  const auto result =
      run("train " + config + " model.backbone.hidden=[64,64] train.epochs=50 --run-dir " + (disk / "run").string());
  umount(disk.c_str());
  EXPECT_EQ(result.status, 2) << result.err;
  EXPECT_THAT(result.err, HasSubstr("No space left on device"));
  EXPECT_THAT(result.err, HasSubstr((disk / "run").string()));
}

}  // namespace
}  // namespace polytask
