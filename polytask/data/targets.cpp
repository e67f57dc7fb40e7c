#include <polytask/core/error.h>
#include <polytask/core/suggest.h>
#include <polytask/data/dense_labels.h>
#include <polytask/data/labels.h>
#include <polytask/data/targets.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <unordered_map>
#include <utility>

namespace polytask {
namespace {

struct Expression {
  std::string text, column, operation, operand;
};

std::string trimmed(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string unquoted(const std::string& text) {
  const bool quoted = text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front();
  return quoted ? text.substr(1, text.size() - 2) : text;
}

Expression parse_expression(const std::string& text) {
  Expression result{text, trimmed(text), "", ""};
  size_t first = std::string::npos;
  for (const std::string operation : {"mod", "div", "==", "!=", "<=", ">=", "<", ">"}) {
    const size_t at = text.find(" " + operation + " ");
    if (at >= first) continue;
    first = at;
    result.column = trimmed(text.substr(0, at));
    result.operation = operation;
    result.operand = unquoted(trimmed(text.substr(at + operation.size() + 2)));
  }
  if (result.column.empty() || (!result.operation.empty() && result.operand.empty()))
    throw InputError("target \"{}\": expected a column, or a column, an operation and a value (\"label mod 2\")", text);
  return result;
}

void require_numbers(const Source& source, const Column& column, const Expression& expression) {
  if (column.numeric) return;
  // The first value that is no number is the likely mistake; where all look like numbers, the first one serves.
  const auto is_text = [](const auto& t) { return !t.empty() && !number_in(t).has_value(); };
  auto found = std::find_if(column.texts.begin(), column.texts.end(), is_text);
  if (found == column.texts.end())
    found = std::find_if(column.texts.begin(), column.texts.end(), [](const auto& t) { return !t.empty(); });
  if (found == column.texts.end())
    throw InputError("target \"{}\": column \"{}\" holds no value", expression.text, expression.column);
  throw InputError(
      "{}: column \"{}\" is \"{}\", a text, where target \"{}\" needs a number; a comparison (\"{} == {}\") gives 0 "
      "and 1",
      source.row_name(found - column.texts.begin()), expression.column, *found, expression.text, expression.column,
      *found);
}

double operand_number(const Expression& expression) {
  const auto number = number_in(expression.operand);
  if (!number)
    throw InputError("target \"{}\": \"{}\" must be a number, as column \"{}\" holds numbers", expression.text,
                     expression.operand, expression.column);
  return *number;
}

Column mapped(const Column& column, const std::function<double(int64_t)>& value) {
  Column result;
  result.numbers.resize(static_cast<size_t>(column.size()), std::numeric_limits<double>::quiet_NaN());
  for (int64_t row = 0; row < column.size(); ++row)
    if (!column.missing(row)) result.numbers[static_cast<size_t>(row)] = value(row);
  return result;
}

Column divided(const Source& source, const Column& column, const Expression& expression) {
  require_numbers(source, column, expression);
  const double divisor = operand_number(expression);
  if (divisor < 1 || divisor != std::floor(divisor))
    throw InputError("target \"{}\": {} needs a positive integer, got {}", expression.text, expression.operation,
                     expression.operand);
  return mapped(column, [&](int64_t row) {
    const double value = column.numbers[static_cast<size_t>(row)];
    if (value != std::floor(value) || std::isinf(value))
      throw InputError("{}: column \"{}\" is {}, but target \"{}\" needs integers", source.row_name(row),
                       expression.column, number_text(value), expression.text);
    const double quotient = std::floor(value / divisor);
    return expression.operation == "div" ? quotient : value - quotient * divisor;
  });
}

template <class T>
bool compare(const std::string& operation, const T& a, const T& b) {
  if (operation == "==") return a == b;
  if (operation == "!=") return a != b;
  if (operation == "<=") return a <= b;
  if (operation == ">=") return a >= b;
  return operation == "<" ? a < b : a > b;
}

Column compared_texts(const Column& column, const Expression& expression) {
  if (std::find(column.texts.begin(), column.texts.end(), expression.operand) == column.texts.end()) {
    std::vector<std::string> known = column.texts;
    sort_labels(known);
    known.erase(std::remove(known.begin(), known.end(), ""), known.end());
    throw InputError("target \"{}\": no row of column \"{}\" is \"{}\"{}", expression.text, expression.column,
                     expression.operand, did_you_mean(expression.operand, known));
  }
  return mapped(column, [&](int64_t row) -> double {
    return compare(expression.operation, column.texts[static_cast<size_t>(row)], expression.operand);
  });
}

Column evaluate(const Source& source, const Expression& expression) {
  Column column = source.column(expression.column);
  if (expression.operation.empty()) return column;
  if (expression.operation == "mod" || expression.operation == "div") return divided(source, column, expression);
  const bool equality = expression.operation == "==" || expression.operation == "!=";
  if (!column.numeric && equality) return compared_texts(column, expression);
  require_numbers(source, column, expression);
  const double bound = operand_number(expression);
  return mapped(column, [&](int64_t row) -> double {
    return compare(expression.operation, column.numbers[static_cast<size_t>(row)], bound);
  });
}

// ---- classes

std::vector<std::string> class_labels(const Source& source, const Column& column, const Expression& expression) {
  std::vector<std::string> labels(static_cast<size_t>(column.size()));
  for (int64_t row = 0; row < column.size(); ++row) {
    if (column.missing(row)) continue;
    if (column.numeric) {
      const double value = column.numbers[static_cast<size_t>(row)];
      if (std::isinf(value) || value != std::floor(value))
        throw InputError("{}: \"{}\" is {}, which is no class: class labels are integers or texts",
                         source.row_name(row), expression.text, number_text(value));
    }
    labels[static_cast<size_t>(row)] = column.label(row);
  }
  return labels;
}

struct Classes {
  std::vector<std::string> names;
  bool by_index = false;  // labels are indices, whatever the names
};

bool all_numbers(const std::vector<std::string>& labels) {
  return std::all_of(labels.begin(), labels.end(), [](const auto& label) { return number_in(label).has_value(); });
}

Classes given_classes(const TargetRequest& request, const Column& column) {
  std::vector<std::string> distinct = request.class_names;
  sort_labels(distinct);
  if (distinct.size() != request.class_names.size())
    throw InputError("task \"{}\": a name stands twice in class_names", request.task);
  if (request.classes > 0 && request.classes != static_cast<int64_t>(distinct.size()))
    throw InputError("task \"{}\": classes is {}, but class_names has {} names", request.task, request.classes,
                     distinct.size());
  return {request.class_names, column.numeric && !all_numbers(request.class_names)};
}

Classes found_classes(const TargetRequest& request, std::vector<std::string> labels) {
  sort_labels(labels);
  labels.erase(std::remove(labels.begin(), labels.end(), ""), labels.end());
  if (labels.empty())
    throw InputError("task \"{}\": no row has a label in \"{}\"", request.task, request.expressions[0]);
  if (request.classes == 0) return {labels, false};
  if (all_numbers(labels)) {
    Classes result{{}, true};
    for (int64_t k = 0; k < request.classes; ++k) result.names.push_back(std::to_string(k));
    return result;
  }
  if (request.classes != static_cast<int64_t>(labels.size()))
    throw InputError(
        "task \"{}\": classes is {}, but \"{}\" has {} different labels; leave classes out or give class_names",
        request.task, request.classes, request.expressions[0], labels.size());
  return {labels, false};
}

int64_t index_of_number(const Source& source, const TargetRequest& request, const std::string& label, int64_t row,
                        size_t classes) {
  const double value = number_in(label).value_or(-1);
  if (value < 0 || value >= static_cast<double>(classes) || value != std::floor(value))
    throw InputError("{}: \"{}\" is {}, out of range: task \"{}\" has {} classes, 0 to {}", source.row_name(row),
                     request.expressions[0], label, request.task, classes, classes - 1);
  return static_cast<int64_t>(value);
}

Targets encode_classes(const Source& source, const TargetRequest& request) {
  const Expression expression = parse_expression(request.expressions[0]);
  const Column column = evaluate(source, expression);
  const std::vector<std::string> labels = class_labels(source, column, expression);
  const Classes classes = request.class_names.empty() ? found_classes(request, labels) : given_classes(request, column);
  std::unordered_map<std::string, int64_t> index;
  for (size_t k = 0; k < classes.names.size(); ++k) index[classes.names[k]] = static_cast<int64_t>(k);

  Targets targets;
  targets.class_names = classes.names;
  targets.values = at::zeros({column.size()}, at::kLong);
  targets.valid = at::ones({column.size()}, at::kBool);
  auto* values = targets.values.data_ptr<int64_t>();
  auto* valid = targets.valid.data_ptr<bool>();
  for (int64_t row = 0; row < column.size(); ++row) {
    const std::string& label = labels[static_cast<size_t>(row)];
    valid[row] = !label.empty();
    if (label.empty()) continue;
    if (classes.by_index) {
      values[row] = index_of_number(source, request, label, row, classes.names.size());
      continue;
    }
    const auto found = index.find(label);
    if (found == index.end())
      throw InputError("{}: \"{}\" is \"{}\", which is no class of task \"{}\"{}", source.row_name(row),
                       expression.text, label, request.task, did_you_mean(label, classes.names));
    values[row] = found->second;
  }
  return targets;
}

// ---- numbers

float checked_number(const Source& source, const TargetRequest& request, const std::string& text, double value,
                     int64_t row) {
  if (std::abs(value) > static_cast<double>(std::numeric_limits<float>::max()))
    throw InputError("{}: \"{}\" is {}, which is no finite number a target can be; leave a missing label empty",
                     source.row_name(row), text, number_text(value));
  if (request.kind == TargetKind::binary && value != 0 && value != 1)
    throw InputError("{}: \"{}\" is {}, but task \"{}\" needs 0 or 1; a comparison (\"{} >= 1\") gives those",
                     source.row_name(row), text, number_text(value), request.task, column_of(text));
  return static_cast<float>(value);
}

Targets encode_numbers(const Source& source, const TargetRequest& request) {
  const auto width = static_cast<int64_t>(request.expressions.size());
  Targets targets;
  targets.values = at::zeros({source.size(), width}, at::kFloat);
  targets.valid = at::zeros({source.size(), width}, at::kBool);
  auto* values = targets.values.data_ptr<float>();
  auto* valid = targets.valid.data_ptr<bool>();
  for (int64_t k = 0; k < width; ++k) {
    const Expression expression = parse_expression(request.expressions[static_cast<size_t>(k)]);
    const Column column = evaluate(source, expression);
    require_numbers(source, column, expression);
    for (int64_t row = 0; row < column.size(); ++row) {
      if (column.missing(row)) continue;
      const double value = column.numbers[static_cast<size_t>(row)];
      values[row * width + k] = checked_number(source, request, expression.text, value, row);
      valid[row * width + k] = true;
    }
    if (request.kind == TargetKind::real)
      targets.units.push_back(expression.operation.empty() ? source.unit(expression.column) : "");
  }
  return targets;
}

}  // namespace

int64_t Targets::rows() const { return dense != nullptr ? dense->rows() : values.size(0); }

Targets encode_targets(const Source& source, const TargetRequest& request) {
  if (request.dense) return dense_targets(source, request);
  if (request.expressions.empty()) throw InputError("task \"{}\": no target column is given", request.task);
  if (request.kind == TargetKind::classes && request.expressions.size() != 1)
    throw InputError("task \"{}\": a classification has one target, got {}", request.task, request.expressions.size());
  Targets targets =
      request.kind == TargetKind::classes ? encode_classes(source, request) : encode_numbers(source, request);
  if (!targets.valid.any().item<bool>()) throw InputError("task \"{}\": no row has a label", request.task);
  if (targets.valid.all().item<bool>()) targets.valid = at::Tensor();
  return targets;
}

std::string column_of(const std::string& expression) { return parse_expression(expression).column; }

}  // namespace polytask
