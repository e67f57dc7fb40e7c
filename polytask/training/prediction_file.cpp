#include <polytask/core/error.h>
#include <polytask/core/options.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/csv.h>
#include <polytask/io/json.h>
#include <polytask/training/predictor.h>

namespace polytask {
namespace {

[[noreturn]] void refuse_map(const std::string& task) {
  throw InputError(
      "task \"{}\" predicts a value per pixel, which has no place in a table: of runs whose data come from the source "
      "raster or forest, `polytask predict` writes maps; of others, ask Predictor in a program",
      task);
}

std::string value_text(const TaskPrediction& task, int64_t row, int64_t column) {
  const auto value = task.values[row][column];
  return value.scalar_type() == at::kDouble ? number_text(value.item<double>())
                                            : fmt::format("{}", value.item<float>());
}

std::vector<std::string> csv_header(const Predictions& predictions) {
  std::vector<std::string> header = {"input"};
  for (const auto& task : predictions.tasks) {
    if (task.one_class) {
      header.push_back(task.task);
      header.push_back(task.task + "_probability");
    } else if (task.names.size() == 1) {
      header.push_back(task.names[0] == task.task ? task.task : task.task + ": " + task.names[0]);
    } else {
      for (const auto& name : task.names) header.push_back(task.task + ": " + name);
    }
  }
  return header;
}

std::string to_csv(const Predictions& predictions) {
  std::string text = csv_line(csv_header(predictions)) + "\n";
  for (size_t i = 0; i < predictions.rows.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    std::vector<std::string> fields = {predictions.rows[i]};
    for (const auto& task : predictions.tasks) {
      if (task.one_class) {
        fields.push_back(task.label(row));
        fields.push_back(fmt::format("{:.6g}", task.probability(row)));
      } else {
        for (int64_t k = 0; k < task.values.size(1); ++k) fields.push_back(value_text(task, row, k));
      }
    }
    text += csv_line(fields) + "\n";
  }
  return text;
}

Node record_of(const TaskPrediction& task, int64_t row) {
  Node values = Node::map_of();
  for (int64_t k = 0; k < task.values.size(1); ++k)
    values.set(task.names[static_cast<size_t>(k)], Node::scalar_of(value_text(task, row, k)));
  if (!task.one_class) return values;
  return Node::map_of({{"class", Node::scalar_of(task.label(row), true)}, {"probabilities", values}});
}

std::string to_json(const Predictions& predictions) {
  Node list = Node::sequence_of({});
  for (size_t i = 0; i < predictions.rows.size(); ++i) {
    Node record = Node::map_of({{"input", Node::scalar_of(predictions.rows[i], true)}});
    for (const auto& task : predictions.tasks) record.set(task.task, record_of(task, static_cast<int64_t>(i)));
    list.append(record);
  }
  return write_json(list, 1) + "\n";
}

}  // namespace

void require_table(const Session& session) {
  for (const auto& task : session.tasks)
    if (task->is_dense()) refuse_map(task->name());
}

void write_predictions(const std::filesystem::path& path, const Predictions& predictions) {
  for (const auto& task : predictions.tasks)
    if (task.is_map()) refuse_map(task.task);
  const auto ending = path.extension();
  if (ending == ".csv") return write_file_atomically(path, to_csv(predictions));
  if (ending == ".json") return write_file_atomically(path, to_json(predictions));
  throw InputError("{}: predictions are written as .csv or .json", path.string());
}

}  // namespace polytask
