#pragma once
#include <polytask/io/atomic_file.h>
#include <polytask/io/json.h>
#include <polytask/training/compare/queue.h>

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace polytask {

/// What a training comes to: accuracy of `kind` and rmse of `yield`, on validation and on test rows.
struct FakeOutcome {
  double kind = 0, yield = 0, test_kind = 0, test_yield = 0;
  int status = 0;
  std::string message = {};
  bool steps = true;         ///< of a training that failed: did it take any?
  std::string data = "old";  ///< digest of the data it read
  int evaluation = 0;        ///< exit status of its evaluation
};

/// Stands for the program: writes the files that a training or an evaluation would have left.
class FakeLauncher : public Launcher {
 public:
  using Outcome = std::function<FakeOutcome(const std::string& id)>;
  explicit FakeLauncher(Outcome outcome, int64_t test_rows = 10)
      : outcome_(std::move(outcome)), test_rows_(test_rows) {}

  void start(const Job& job, size_t slot) override {
    const auto outcome = outcome_(job.title);
    const bool evaluates = std::find(job.words.begin(), job.words.end(), "evaluate") != job.words.end();
    (evaluates ? evaluated : trained).push_back(job.title);
    if (!evaluates)
      train(job, outcome);
    else if (outcome.evaluation == 0)
      write_file_atomically(job.words.back(), figures(job.title, outcome.test_kind, outcome.test_yield) + "\n");
    ended_.push_back({slot, evaluates ? outcome.evaluation : outcome.status});
  }
  std::optional<EndedJob> wait(double) override {
    if (ended_.empty()) return std::nullopt;
    const EndedJob ended = ended_.front();
    ended_.pop_front();
    return ended;
  }
  void interrupt() override {}

  std::vector<std::string> trained, evaluated;

 private:
  static bool has(const std::string& id, const std::string& task) {
    return id.rfind("single-", 0) != 0 || id.rfind("single-" + task, 0) == 0;
  }
  static std::string figures(const std::string& id, double kind, double yield) {
    std::string text = "{\"loss\":1";
    if (has(id, "kind")) text += fmt::format(",\"kind\":{{\"loss\":1,\"accuracy\":{},\"macro_f1\":0.5}}", kind);
    if (has(id, "yield")) text += fmt::format(",\"yield\":{{\"loss\":1,\"mae\":1,\"rmse\":{},\"r2\":0.5}}", yield);
    return text + "}";
  }
  void train(const Job& job, const FakeOutcome& outcome) const {
    const auto run = std::filesystem::path(job.words.back());
    write_file_atomically(job.log, outcome.message.empty() ? "" : "polytask: " + outcome.message + "\n");
    if (outcome.status != 0 && !outcome.steps) return;
    make_directory(run);
    write_file_atomically(run / "config.yaml", "seed: 1\n");
    std::string known;
    if (has(job.title, "kind"))
      known += R"("kind":{"accuracy":{"better":"higher","unit":""},"macro_f1":{"better":"higher","unit":""}})";
    if (has(job.title, "yield"))
      known += std::string(known.empty() ? "" : ",") +
               R"("yield":{"mae":{"better":"lower","unit":"MPa"},"rmse":{"better":"lower","unit":"MPa"},)" +
               R"("r2":{"better":"higher","unit":""}})";
    write_file_atomically(run / "run.json",
                          fmt::format(R"({{"status":"{}","figures":{{{}}},"rows":{{"test":{}}},"parameters":100,)"
                                      R"("peak_memory_bytes":1048576,"data":{{"rows.csv":"{}"}}}})",
                                      outcome.status == 0 ? "finished" : "failed", known, test_rows_, outcome.data));
    write_file_atomically(
        run / "metrics.jsonl",
        "{\"kind\":\"step\",\"step\":1,\"gradient_norms\":{},\"seconds\":1}\n"
        "{\"kind\":\"step\",\"step\":2,\"seconds\":0.002}\n{\"kind\":\"evaluation\",\"split\":\"validation\","
        "\"figures\":" +
            figures(job.title, outcome.kind, outcome.yield) + "}\n");
  }

  Outcome outcome_;
  int64_t test_rows_;
  std::deque<EndedJob> ended_;
};

}  // namespace polytask
