#include <polytask/core/log.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/image.h>
#include <polytask/reporting/escape.h>
#include <polytask/reporting/map_colours.h>
#include <polytask/reporting/map_page.h>
#include <polytask/reporting/table.h>
#include <polytask/training/open_run.h>
#include <polytask/training/run_directory.h>
#include <polytask/training/step.h>

#include <fmt/format.h>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace polytask {
namespace fs = std::filesystem;
namespace {

// One column of the page, and the maps [samples][H, W] that stand in it.
struct PageColumn {
  std::string title, file;
  std::vector<std::string> class_names;
  std::string unit;
  std::vector<at::Tensor> maps;
  double low = 0, high = 1;
};

// The 2nd and 98th percentile of all finite values of some columns, as the scale of each.
void share_scale(const std::vector<PageColumn*>& columns) {
  std::vector<at::Tensor> finite;
  for (const auto* column : columns)
    for (const auto& map : column->maps) finite.push_back(map.masked_select(map.isfinite()).to(at::kDouble));
  const at::Tensor all = at::cat(finite);
  if (all.numel() == 0) return;
  const at::Tensor sorted = std::get<0>(all.sort());
  const auto at_share = [&](double share) {
    return sorted[static_cast<int64_t>(share * static_cast<double>(sorted.numel() - 1))].item<double>();
  };
  for (auto* column : columns) {
    column->low = at_share(0.02);
    column->high = at_share(0.98);
  }
}

at::Tensor masked(const at::Tensor& values, const at::Tensor& valid) {
  const at::Tensor numbers = values.to(at::kFloat);
  return valid.defined() ? numbers.masked_fill(valid.logical_not(), std::nan("")) : numbers;
}

// The channels of the first picture among the inputs, as the files have them.
void add_channels(const Session& session, const std::vector<int64_t>& rows, std::vector<PageColumn>& columns) {
  for (size_t i = 0; i < session.preprocess.size(); ++i) {
    const InputSpec& spec = session.preprocess[i].spec();
    if (!spec.is_image()) continue;
    const at::Tensor raw = session.data.dataset->source().read(static_cast<int64_t>(i), rows).to(at::kFloat);
    for (int64_t c = 0; c < std::min<int64_t>(raw.size(1), 3); ++c) {
      PageColumn column{fmt::format("{} {}", spec.name, c + 1), fmt::format("{}{}", spec.name, c + 1), {}, "", {}};
      for (int64_t b = 0; b < raw.size(0); ++b) column.maps.push_back(raw[b][c]);
      share_scale({&column});
      columns.push_back(std::move(column));
    }
    return;
  }
}

void add_task(const TaskType& task, const at::Tensor& output, const Batch& batch, std::vector<PageColumn>& columns) {
  const auto [target, valid] = task_targets(batch, task.name());
  at::Tensor predicted = task.predict(output).cpu();
  const bool classes = !task.class_names().empty();
  predicted = classes ? predicted.argmax(1).to(at::kFloat) : predicted.select(1, 0);
  PageColumn truth{task.name() + ", true", task.name() + "_true", task.class_names(), task.unit(), {}};
  PageColumn answer{task.name() + ", predicted", task.name() + "_predicted", task.class_names(), task.unit(), {}};
  const at::Tensor labels = target.defined() ? masked(target, valid) : at::full_like(predicted, std::nan(""));
  for (int64_t b = 0; b < predicted.size(0); ++b) {
    truth.maps.push_back(labels[b].squeeze());
    answer.maps.push_back(predicted[b]);
  }
  if (!classes) share_scale({&truth, &answer});
  columns.push_back(std::move(truth));
  columns.push_back(std::move(answer));
}

std::vector<PageColumn> page_columns(Session& session, const std::vector<int64_t>& rows) {
  const at::NoGradGuard no_grad;
  session.model->eval();
  std::vector<PageColumn> columns;
  add_channels(session, rows, columns);
  const Batch batch = session.data.dataset->batch(rows);
  const auto outputs = session.model->forward(to_device(batch, session.device).inputs);
  for (size_t t = 0; t < session.tasks.size(); ++t)
    if (session.tasks[t]->is_dense()) add_task(*session.tasks[t], outputs[t], batch, columns);
  for (const auto& term : session.couplings) {
    if (!term.coupling().has_residual()) continue;
    PageColumn column{term.name() + " residual", term.name() + "_residual", {}, "", {}};
    const at::Tensor residual = term.residual(outputs).cpu();
    for (int64_t b = 0; b < residual.size(0); ++b) column.maps.push_back(residual[b]);
    share_scale({&column});
    columns.push_back(std::move(column));
  }
  return columns;
}

std::string legend(const PageColumn& column) {
  if (column.class_names.empty())
    return fmt::format("<div class=scale></div><div class=ends><span>{}</span><span>{}</span><span>{}</span></div>",
                       figure_text(column.low), escaped_markup(column.unit), figure_text(column.high));
  std::string text;
  for (size_t c = 0; c < column.class_names.size(); ++c)
    text += fmt::format("<span class=class><i style=\"background:{}\"></i>{}</span> ",
                        hex(class_colour(static_cast<int64_t>(c))), escaped_markup(column.class_names[c]));
  return text;
}

std::string page(const std::string& run, const std::string& split, const std::vector<std::string>& names,
                 const std::vector<PageColumn>& columns) {
  std::string text =
      "<!doctype html>\n<html lang=en><meta charset=utf-8>\n<title>Maps of " + escaped_markup(run) +
      "</title>\n<style>\n"
      "body{font:14px sans-serif;margin:2em;color:#222}table{border-collapse:collapse}th{font-weight:600;padding:4px}\n"
      "td{padding:3px;vertical-align:top;max-width:168px;font-size:12px}td img{width:160px;height:160px;"
      "image-rendering:pixelated;display:block}\n.scale{height:10px;background:" +
      scale_gradient() +
      "}.ends{display:flex;justify-content:space-between}.class{white-space:nowrap}.class i{display:inline-block;"
      "width:10px;height:10px;margin-right:3px}\n</style>\n";
  text += fmt::format(
      "<h1>Maps of {}</h1>\n<p>Rows of {}; best checkpoint. Grey: no data, or no label.</p>\n<table>\n<tr>"
      "<th>row</th>",
      escaped_markup(run), split);
  for (const auto& column : columns) text += fmt::format("<th>{}</th>", escaped_markup(column.title));
  text += "</tr>\n";
  for (size_t s = 0; s < names.size(); ++s) {
    text += fmt::format("<tr><td>{}</td>", escaped_markup(names[s]));
    for (const auto& column : columns)
      text += fmt::format("<td><img src=\"{}_{}.png\" alt=\"{}\"></td>", column.file, s, escaped_markup(column.title));
    text += "</tr>\n";
  }
  text += "<tr><td></td>";
  for (const auto& column : columns) text += fmt::format("<td>{}</td>", legend(column));
  return text + "</tr>\n</table>\n</html>\n";
}

// Known from the configuration: a run without maps need not open its data again.
bool gives_maps(const Experiment& experiment) {
  return std::any_of(experiment.tasks.begin(), experiment.tasks.end(),
                     [](const auto& task) { return create_task(task.first, task.second)->is_dense(); });
}

// The first row that can be read of each of `samples` equal parts of the rows, which often follow each other in space.
std::vector<int64_t> spread_rows(const Dataset& dataset, const std::vector<int64_t>& rows, int64_t samples) {
  const auto size = static_cast<int64_t>(rows.size()), parts = std::min(samples, size);
  const auto readable = [&](int64_t row) { return read_failure(dataset.source(), dataset.targets(), row).empty(); };
  std::vector<int64_t> chosen;
  for (int64_t p = 0; p < parts; ++p) {
    const auto end = rows.begin() + (p + 1) * size / parts;
    const auto row = std::find_if(rows.begin() + p * size / parts, end, readable);
    if (row != end) chosen.push_back(*row);
  }
  return chosen;
}

}  // namespace

std::optional<fs::path> write_map_page(const fs::path& run, int64_t samples) {
  if (!gives_maps(read_run_configuration(run))) return std::nullopt;
  OpenedRun opened = open_run(run, "best", {});
  Session& session = opened.session;
  const bool test = !session.data.split.test.empty();
  const std::vector<int64_t>& rows = test ? session.data.split.test : session.data.split.validation;
  if (rows.empty()) return std::nullopt;
  const std::vector<int64_t> chosen = spread_rows(*session.data.dataset, rows, samples);
  if (chosen.empty()) {
    log_warning("there is no page of maps: no {} row can be read", test ? "test" : "validation");
    return std::nullopt;
  }
  std::vector<std::string> names;
  names.reserve(chosen.size());
  for (const int64_t row : chosen) names.push_back(session.data.dataset->source().row_name(row));

  const fs::path directory = run / "maps";
  fs::create_directories(directory);
  const auto columns = page_columns(session, chosen);
  for (const auto& column : columns)
    for (size_t s = 0; s < column.maps.size(); ++s)
      write_png(directory / fmt::format("{}_{}.png", column.file, s),
                column.class_names.empty() ? coloured_numbers(column.maps[s], column.low, column.high)
                                           : coloured_classes(column.maps[s]));
  write_file_atomically(directory / "index.html",
                        page(run.filename().string(), test ? "test" : "validation", names, columns));
  return directory / "index.html";
}

}  // namespace polytask
