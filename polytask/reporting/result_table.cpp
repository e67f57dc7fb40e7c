#include <polytask/reporting/result_table.h>
#include <polytask/reporting/table.h>

namespace polytask {

std::string metrics_table(const std::vector<std::string>& tasks, const std::vector<std::string>& columns,
                          const std::vector<const Evaluation*>& evaluations) {
  std::vector<std::string> header = {"task", "metric"};
  std::vector<const Evaluation*> shown;
  for (size_t e = 0; e < evaluations.size(); ++e) {
    if (evaluations[e] == nullptr) continue;
    header.push_back(columns[e]);
    shown.push_back(evaluations[e]);
  }
  header.emplace_back("unit");
  TextTable table(header);
  if (shown.empty()) return "";
  for (size_t t = 0; t < tasks.size(); ++t) {
    const auto& first = shown.front()->metrics[t];
    for (size_t m = 0; m < first.size(); ++m) {
      std::vector<std::string> row = {m == 0 ? tasks[t] : "", first[m].name};
      for (const auto* evaluation : shown) row.push_back(figure_text(evaluation->metrics[t][m].value));
      row.push_back(first[m].unit);
      table.add(row);
    }
  }
  const auto& couplings = shown.front()->couplings;
  for (size_t c = 0; c < couplings.size(); ++c) {
    std::vector<std::string> row = {couplings[c].first, "value"};
    for (const auto* evaluation : shown) row.push_back(figure_text(evaluation->couplings[c].second));
    row.emplace_back("");
    table.add(row);
  }
  return table.text();
}

std::string weights_table(const std::vector<std::string>& tasks, const Evaluation& evaluation) {
  std::vector<std::string> header = {"task", "loss", "weight"};
  for (const auto& [name, values] : evaluation.weights.shown) header.push_back(name == "sigma2" ? "σ²" : name);
  TextTable table(header);
  for (size_t t = 0; t < tasks.size(); ++t) {
    std::vector<std::string> row = {tasks[t], figure_text(evaluation.losses[t]), figure_text(evaluation.weights.w[t])};
    for (const auto& [name, values] : evaluation.weights.shown) row.push_back(figure_text(values[t]));
    table.add(row);
  }
  return table.text();
}

std::string confusion_table(const at::Tensor& confusion, const std::vector<std::string>& classes) {
  if (!confusion.defined()) return "";
  std::vector<std::string> header = {"true \\ predicted"};
  header.insert(header.end(), classes.begin(), classes.end());
  TextTable table(header);
  for (int64_t i = 0; i < confusion.size(0); ++i) {
    std::vector<std::string> row = {classes[static_cast<size_t>(i)]};
    for (int64_t j = 0; j < confusion.size(1); ++j) row.push_back(std::to_string(confusion[i][j].item<int64_t>()));
    table.add(row);
  }
  return table.text();
}

}  // namespace polytask
