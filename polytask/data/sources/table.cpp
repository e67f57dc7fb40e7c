#include <polytask/core/error.h>
#include <polytask/data/sources/column_set.h>
#include <polytask/data/sources/sources.h>
#include <polytask/data/sources/support.h>
#include <polytask/data/sources/table.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <unordered_map>
#include <utility>

namespace polytask {
namespace {

bool contains(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

// The first cell that is no number, of a column that the model reads as numbers.
[[noreturn]] void report_text(const TableData& data, const TableColumn& column, bool decimal_comma) {
  for (int64_t row = 0; row < data.rows(); ++row) {
    const int32_t code = column.codes[static_cast<size_t>(row)];
    if (code < 0) continue;
    const std::string& text = column.dictionary[static_cast<size_t>(code)];
    if (!is_numeric_column({text}, decimal_comma))
      throw InputError("{}: column \"{}\" is \"{}\", but the model was trained on numbers there", data.row_name(row),
                       column.name, text);
  }
  throw InputError("{}: column \"{}\" holds texts, but the model was trained on numbers there", data.files[0].string(),
                   column.name);
}

}  // namespace

void TableOptions::fields(Fields& f) {
  f.field("path", path, "CSV file with the training rows, or all rows", required());
  f.field("validation_path", validation_path, "CSV file with the validation rows");
  f.field("test_path", test_path, "CSV file with the test rows");
  csv.fields(f);
  f.field("replace", replace,
          "cell texts and what to read instead (\"\": missing), before anything else looks at them");
  f.field("inputs", inputs, "columns that are inputs; none: all that no task and no split uses");
  f.field("exclude", exclude, "columns that are no inputs");
  f.field("categorical", categorical, "columns of numbers that are categories");
  f.field("standardise", standardise, "numbers to mean 0 and standard deviation 1 over the training rows");
  f.field("max_categories", max_categories, "an input column of more different texts than this is an error",
          at_least(1));
  f.field("units", units, "column: unit, for reports");
}

TableSource::TableSource(const TableOptions& options, const OpenRequest& request) : options_(options) {
  TableReading reading{options.csv, options.replace, {options.categorical.begin(), options.categorical.end()}, {}};
  std::vector<std::filesystem::path> files;
  if (!request.paths.empty()) {
    files.assign(request.paths.begin(), request.paths.end());
    parts_.assign(files.size(), Part::unspecified);
  } else {
    const bool several = !options.validation_path.empty() || !options.test_path.empty();
    const std::vector<std::pair<std::string, Part>> given = {{options.path, several ? Part::train : Part::unspecified},
                                                             {options.validation_path, Part::validation},
                                                             {options.test_path, Part::test}};
    for (const auto& [path, part] : given) {
      if (path.empty()) continue;
      files.emplace_back(path);
      parts_.push_back(part);
    }
  }
  const InputSpec* expected = request.expected("features");
  fixed_inputs_ = expected != nullptr;
  if (fixed_inputs_) {
    for (const auto& column : expected->columns) {
      if (column.categorical) reading.categorical.insert(column.name);
      if (!request.paths.empty()) reading.only.push_back(column.name);
    }
  }
  data_ = read_table(files, reading);
  if (fixed_inputs_) {
    take_inputs(*expected);
  } else {
    check_names();
    choose_inputs({});
  }
}

void TableSource::check_names() const {
  const auto known = data_.names();
  const std::pair<const char*, const std::vector<std::string>*> lists[] = {{"data.inputs", &options_.inputs},
                                                                           {"data.exclude", &options_.exclude},
                                                                           {"data.categorical", &options_.categorical}};
  for (const auto& [option, names] : lists)
    for (const auto& name : *names) require_known(name, known, option);
  for (const auto& [name, unit] : options_.units) require_known(name, known, "data.units");
}

void TableSource::exclude_from_inputs(const std::vector<std::string>& columns) {
  if (fixed_inputs_) return;
  for (const auto& name : columns)
    if (contains(options_.inputs, name))
      throw InputError("data.inputs: column \"{}\" is used by a task or the split, so it cannot be an input", name);
  choose_inputs(columns);
}

void TableSource::choose_inputs(const std::vector<std::string>& used_elsewhere) {
  spec_ = InputSpec{"features", {}, {}};
  inputs_.clear();
  for (const auto& column : data_.columns) {
    const bool listed = options_.inputs.empty() || contains(options_.inputs, column.name);
    if (!listed || contains(options_.exclude, column.name) || contains(used_elsewhere, column.name)) continue;
    InputColumn input{column.name, {}, !column.numeric || contains(options_.categorical, column.name)};
    if (input.categorical) input.categories = column.dictionary;
    inputs_.push_back({&column, input.categorical, {}});
    spec_.columns.push_back(std::move(input));
  }
  if (inputs_.empty()) throw InputError("{}: no column is left as an input", data_.files[0].string());
  spec_.shape = {static_cast<int64_t>(spec_.columns.size())};
  map_categories();
}

void TableSource::adopt(const InputSpec& spec) {
  if (spec.name == spec_.name) take_inputs(spec);
}

void TableSource::take_inputs(const InputSpec& spec) {
  spec_ = spec;
  inputs_.clear();
  for (const auto& input : spec.columns) {
    require_known(input.name, data_.names(), data_.files[0].string());
    const TableColumn& column = *data_.find(input.name);
    if (!input.categorical && !column.numeric) report_text(data_, column, options_.csv.decimal_comma);
    inputs_.push_back({&column, input.categorical, {}});
  }
  map_categories();
}

void TableSource::map_categories() {
  for (size_t c = 0; c < inputs_.size(); ++c) {
    std::unordered_map<std::string, double> index;
    const auto& categories = spec_.columns[c].categories;
    for (size_t k = 0; k < categories.size(); ++k) index[categories[k]] = static_cast<double>(k);
    inputs_[c].category.clear();
    for (const auto& text : inputs_[c].column->dictionary) {
      const auto found = index.find(text);
      inputs_[c].category.push_back(found == index.end() ? -1 : found->second);
    }
  }
}

void TableSource::fit_categories(const std::vector<int64_t>& train_rows) {
  for (size_t c = 0; c < inputs_.size(); ++c) {
    InputColumn& input = spec_.columns[c];
    if (!input.categorical) continue;
    const TableColumn& column = *inputs_[c].column;
    std::vector<bool> seen(column.dictionary.size(), false);
    for (const int64_t row : train_rows) {
      const int32_t code = column.codes[static_cast<size_t>(row)];
      if (code >= 0) seen[static_cast<size_t>(code)] = true;
    }
    input.categories.clear();
    for (size_t k = 0; k < seen.size(); ++k)
      if (seen[k]) input.categories.push_back(column.dictionary[k]);
    const auto found = static_cast<int64_t>(input.categories.size());
    if (found > options_.max_categories && !contains(options_.categorical, column.name))
      throw InputError(
          "{}: column \"{}\" has {} different texts in the training rows, more than max_categories ({}); leave it out "
          "with data.exclude, list it under data.categorical or raise data.max_categories",
          data_.files[0].string(), column.name, found, options_.max_categories);
  }
  map_categories();
}

std::vector<Preprocess> TableSource::fit(const std::vector<int64_t>& train_rows) {
  if (!fixed_inputs_) fit_categories(train_rows);
  return {Preprocess::for_table(spec_, read(0, train_rows), options_.standardise)};
}

double TableSource::value(const Input& input, int64_t row) const {
  const auto at = static_cast<size_t>(row);
  if (!input.categorical) return input.column->numbers[at];
  const int32_t code = input.column->codes[at];
  return code < 0 ? -1 : input.category[static_cast<size_t>(code)];
}

at::Tensor TableSource::read(int64_t, c10::ArrayRef<int64_t> rows) const {
  const auto width = static_cast<int64_t>(inputs_.size());
  at::Tensor result = at::empty({static_cast<int64_t>(rows.size()), width}, at::kDouble);
  double* to = result.data_ptr<double>();
  for (const int64_t row : rows) {
    if (row < 0 || row >= size()) throw InputError("row {} does not exist: there are {}", row, size());
    for (const auto& input : inputs_) {
      *to = value(input, row);
      if (std::isinf(*to)) input.column->require_usable([this](int64_t bad) { return row_name(bad); });
      ++to;
    }
  }
  return result;
}

Part TableSource::part(int64_t row) const { return parts_[data_.file_of(row)]; }

Column TableSource::column(const std::string& name) const {
  require_known(name, data_.names(), data_.files[0].string());
  const TableColumn& column = *data_.find(name);
  column.require_usable([this](int64_t row) { return row_name(row); });
  return column.column();
}

std::string TableSource::unit(const std::string& name) const {
  const auto found = options_.units.find(name);
  return found == options_.units.end() ? "" : found->second;
}

std::vector<std::pair<std::string, std::string>> TableSource::fingerprints() const {
  std::vector<std::pair<std::string, std::string>> result;
  for (const auto& file : data_.files) result.emplace_back(file.string(), file_digest(file));
  return result;
}

void register_table(SourceRegistry& registry) {
  registry.add<TableOptions>("table", "CSV files: numbers and categories in, any column as a target", "",
                             [](const TableOptions& options, const OpenRequest& request) {
                               return std::make_unique<TableSource>(options, request);
                             });
}

}  // namespace polytask
