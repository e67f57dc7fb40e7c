#include <polytask/core/error.h>
#include <polytask/core/options.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/json.h>
#include <polytask/objectives/direction.h>
#include <polytask/training/checkpoint.h>
#include <polytask/training/compare/member_result.h>
#include <polytask/training/run_directory.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace polytask {
namespace fs = std::filesystem;
namespace {

const Node& entry(const Node& node, const char* key) {
  const Node* found = node.find(key);
  if (found == nullptr) throw InputError("{}: the run has no \"{}\"", node.where(), key);
  return *found;
}

// `measured`: {task: {figure: value}}; `known`: the run's figures with their directions.
TaskFigures figures_of(const Node& measured, const Node& known) {
  TaskFigures result;
  for (const auto& [task, figures] : known.entries()) {
    const Node& values = entry(measured, task.c_str());
    for (const auto& [name, facts] : figures.entries()) {
      const Node* value = values.find(name);
      if (value != nullptr)
        result[task].push_back(
            {name, json_number(*value), direction_named(facts.text_or("better", "")), facts.text_or("unit", "")});
    }
  }
  return result;
}

double median(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

void read_log(const fs::path& file, const Node& known, MemberResult& result) {
  std::vector<double> plain, measuring;  // seconds of steps; measuring gradients takes time of its own
  for (const auto& line : read_json_lines(file)) {
    const std::string kind = line.text_or("kind", "");
    if (kind == "step")
      (line.find("gradient_norms") == nullptr ? plain : measuring).push_back(json_number(entry(line, "seconds")));
    if (kind == "evaluation" && line.text_or("split", "") == "validation")
      result.validation = figures_of(entry(line, "figures"), known);
  }
  result.step_ms = 1000 * median(plain.empty() ? std::move(measuring) : std::move(plain));
}

}  // namespace

bool is_run(const fs::path& directory) {
  std::error_code error;
  return fs::exists(directory / "run.json", error) && fs::exists(directory / "config.yaml", error);
}

bool is_finished(const fs::path& directory) {
  if (!is_run(directory)) return false;
  try {
    return read_json_file(directory / "run.json").text_or("status", "") == "finished";
  } catch (const InputError&) {
    return false;
  }
}

bool has_readable_state(const fs::path& directory) {
  try {
    read_json_file(directory / "run.json");
    read_run_configuration(directory);
    load_checkpoint(directory / "checkpoints" / "last.safetensors");
    return true;
  } catch (const InputError&) {
    return false;
  }
}

bool took_steps(const fs::path& directory) {
  std::error_code error;
  const auto log = directory / "metrics.jsonl";
  return fs::exists(log, error) && read_file(log).find("\"kind\":\"step\"") != std::string::npos;
}

MemberResult read_member(const fs::path& directory, const fs::path& test_figures) {
  const Node facts = read_json_file(directory / "run.json");
  const Node& known = entry(facts, "figures");
  MemberResult result;
  result.state = MemberResult::State::finished;
  result.has_test_rows = integer_of(entry(entry(facts, "rows"), "test")) > 0;
  result.parameters = integer_of(entry(facts, "parameters"));
  result.memory_mib = json_number(entry(facts, "peak_memory_bytes")) / 1024 / 1024;
  if (const Node* data = facts.find("data"))
    for (const auto& [file, digest] : data->entries()) result.data[file] = digest.text();
  read_log(directory / "metrics.jsonl", known, result);
  std::error_code error;
  if (fs::exists(test_figures, error)) result.test = figures_of(read_json_file(test_figures), known);
  return result;
}

std::string last_message(const fs::path& log) {
  std::error_code error;
  if (!fs::exists(log, error)) return "";
  const std::string text = read_file(log), start = "polytask: ";
  size_t begin = text.rfind("\n" + start);
  begin = begin == std::string::npos ? (text.rfind(start, 0) == 0 ? 0 : std::string::npos) : begin + 1;
  if (begin == std::string::npos) return "";
  const std::string message = text.substr(begin + start.size());
  return message.substr(0, message.find_last_not_of('\n') + 1);
}

}  // namespace polytask
