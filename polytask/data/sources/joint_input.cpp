#include <polytask/core/error.h>
#include <polytask/data/labels.h>
#include <polytask/data/sources/joint_input.h>
#include <polytask/data/sources/normalize.h>
#include <polytask/data/sources/support.h>

#include <fmt/format.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <optional>
#include <unordered_map>

namespace polytask {
namespace {

constexpr int64_t kMostPictures = 60000;  // of which channel statistics are computed

std::optional<size_t> position(const std::vector<InputColumn>& columns, const std::string& name) {
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const auto& c) { return c.name == name; });
  if (found == columns.end()) return std::nullopt;
  return static_cast<size_t>(found - columns.begin());
}

// Two inputs of one name, and whose they are.
struct Pair {
  const InputSpec &first, &second;
  const std::string &first_name, &second_name;
};

[[noreturn]] void refuse_column(const Pair& pair, const std::string& column, const std::string& has,
                                const std::string& lacks) {
  throw InputError(
      "input \"{}\": data set \"{}\" has a column \"{}\" and \"{}\" has none; inputs of one name must have the same "
      "columns: leave it out with `exclude`",
      pair.first.name, has, column, lacks);
}

void check_columns(const Pair& pair) {
  for (const auto& column : pair.second.columns)
    if (!position(pair.first.columns, column.name)) refuse_column(pair, column.name, pair.second_name, pair.first_name);
  for (const auto& column : pair.first.columns) {
    const auto at = position(pair.second.columns, column.name);
    if (!at) refuse_column(pair, column.name, pair.first_name, pair.second_name);
    if (pair.second.columns[*at].categorical != column.categorical)
      throw InputError(
          "input \"{}\": column \"{}\" holds {} in data set \"{}\" and {} in \"{}\"; list it under `categorical` in "
          "both, "
          "or mend the texts",
          pair.first.name, column.name, column.categorical ? "categories" : "numbers", pair.first_name,
          column.categorical ? "numbers" : "categories", pair.second_name);
  }
}

void check_alike(const Pair& pair) {
  const bool tables = !pair.first.columns.empty() && !pair.second.columns.empty();
  if (tables) return check_columns(pair);
  if (pair.first.shape != pair.second.shape)
    throw InputError(
        "input \"{}\": a sample is {} in data set \"{}\" and {} in \"{}\"; inputs of one name must have one "
        "shape",
        pair.first.name, shape_text(pair.first.shape), pair.first_name, shape_text(pair.second.shape),
        pair.second_name);
}

void add_categories(InputSpec& joint, const InputSpec& more) {
  for (auto& column : joint.columns) {
    if (!column.categorical) continue;
    const auto& added = more.columns[*position(more.columns, column.name)].categories;
    column.categories.insert(column.categories.end(), added.begin(), added.end());
  }
}

std::vector<double> category_map(const InputColumn& from, const InputColumn& to) {
  std::unordered_map<std::string, double> index;
  for (size_t k = 0; k < to.categories.size(); ++k) index[to.categories[k]] = static_cast<double>(k);
  std::vector<double> map;
  for (const auto& category : from.categories) {
    const auto found = index.find(category);
    map.push_back(found == index.end() ? -1 : found->second);
  }
  return map;
}

JointInput::Part part_of(const InputSpec& joint, const InputSpec& own, int64_t input) {
  JointInput::Part part;
  part.input = input;
  for (size_t c = 0; c < joint.columns.size(); ++c) {
    const size_t at = *position(own.columns, joint.columns[c].name);
    part.columns.push_back(static_cast<int64_t>(at));
    part.categories.push_back(joint.columns[c].categorical ? category_map(own.columns[at], joint.columns[c])
                                                           : std::vector<double>());
    part.as_it_is = part.as_it_is && at == c && own.columns[at].categories == joint.columns[c].categories;
  }
  return part;
}

void add_parts(JointInput& joint, const std::vector<std::vector<InputSpec>>& specs) {
  for (const auto& of_source : specs) {
    joint.parts.emplace_back();
    for (size_t i = 0; i < of_source.size(); ++i)
      if (of_source[i].name == joint.spec.name)
        joint.parts.back() = part_of(joint.spec, of_source[i], static_cast<int64_t>(i));
  }
}

std::vector<std::vector<InputSpec>> specs_of(const std::vector<const Source*>& sources) {
  std::vector<std::vector<InputSpec>> specs;
  for (const auto* source : sources) specs.push_back(source->inputs());
  return specs;
}

at::Tensor tensor_of(const Preprocess& preprocess, const char* name) { return preprocess.state().at(name); }

bool equal_states(const Preprocess& a, const Preprocess& b) {
  for (const char* name : {"scale", "mean", "std"})
    if (!at::equal(tensor_of(a, name), tensor_of(b, name))) return false;
  return true;
}

bool same_columns(const InputSpec& a, const InputSpec& b) {
  return std::equal(a.columns.begin(), a.columns.end(), b.columns.begin(), b.columns.end(),
                    [](const auto& x, const auto& y) { return x.name == y.name && x.categories == y.categories; });
}

}  // namespace

at::Tensor JointInput::convert(size_t source, const at::Tensor& raw) const {
  const Part& part = parts[source];
  if (part.as_it_is) return raw;
  const at::Tensor from = raw.to(at::kDouble).contiguous();
  const int64_t rows = from.size(0), own = from.size(1), width = static_cast<int64_t>(part.columns.size());
  at::Tensor result = at::empty({rows, width}, at::kDouble);
  const double* in = from.data_ptr<double>();
  double* out = result.data_ptr<double>();
  for (int64_t row = 0; row < rows; ++row, in += own) {
    for (size_t c = 0; c < part.columns.size(); ++c) {
      const double value = in[part.columns[c]];
      const bool category = spec.columns[c].categorical;
      *out++ = !category ? value : value < 0 ? -1 : part.categories[c][static_cast<size_t>(value)];
    }
  }
  return result;
}

std::vector<JointInput> join_inputs(const std::vector<const Source*>& sources, const std::vector<std::string>& names) {
  const auto specs = specs_of(sources);
  std::vector<JointInput> joined;
  std::vector<size_t> owners;  // the first source that has each
  for (size_t s = 0; s < specs.size(); ++s) {
    for (const auto& spec : specs[s]) {
      const auto found =
          std::find_if(joined.begin(), joined.end(), [&](const auto& joint) { return joint.spec.name == spec.name; });
      if (found == joined.end()) {
        joined.push_back({spec, {}});
        owners.push_back(s);
        continue;
      }
      check_alike({found->spec, spec, names[owners[static_cast<size_t>(found - joined.begin())]], names[s]});
      add_categories(found->spec, spec);
    }
  }
  for (auto& joint : joined) {
    for (auto& column : joint.spec.columns) sort_labels(column.categories);
    add_parts(joint, specs);
  }
  return joined;
}

std::vector<JointInput> join_inputs_as(const std::vector<InputSpec>& wanted, const std::vector<const Source*>& sources,
                                       const std::vector<std::string>& names) {
  const auto specs = specs_of(sources);
  static const std::string kModel = "(the trained model)";
  std::vector<JointInput> joined;
  for (const auto& spec : wanted) {
    for (size_t s = 0; s < specs.size(); ++s)
      for (const auto& own : specs[s])
        if (own.name == spec.name) check_alike({spec, own, kModel, names[s]});
    joined.push_back({spec, {}});
    add_parts(joined.back(), specs);
  }
  return joined;
}

void require_same_inputs(const std::vector<JointInput>& joined, const std::vector<const Source*>& sources,
                         const std::vector<std::string>& names) {
  for (const auto& joint : joined)
    if (std::all_of(joint.parts.begin(), joint.parts.end(), [](const auto& part) { return part.input < 0; }))
      throw InputError("no data set has the input \"{}\" that the model was trained on", joint.spec.name);
  for (size_t s = 0; s < sources.size(); ++s)
    for (const auto& own : sources[s]->inputs())
      if (std::none_of(joined.begin(), joined.end(), [&](const auto& joint) { return joint.spec.name == own.name; }))
        throw InputError("data set \"{}\" has the input \"{}\", which the model was not trained on", names[s],
                         own.name);
}

Preprocess fit_jointly(const JointInput& input, const std::vector<const Source*>& sources,
                       const std::vector<std::string>& names, const std::vector<const Preprocess*>& fitted,
                       const std::vector<int64_t>& rows,
                       const std::function<at::Tensor(c10::ArrayRef<int64_t>)>& read) {
  std::vector<size_t> owners;
  for (size_t s = 0; s < sources.size(); ++s)
    if (fitted[s] != nullptr) owners.push_back(s);
  if (owners.empty()) throw InputError("input \"{}\": no training row has it", input.spec.name);
  const size_t first = owners[0];
  const auto by_rows = [&](size_t s) { return sources[s]->scales_by_rows(input.parts[s].input); };
  const bool image = input.spec.is_image();
  bool as_one = true;
  for (const size_t s : owners) {
    const Preprocess &a = *fitted[first], &b = *fitted[s];
    const bool alike =
        by_rows(s) == by_rows(first) &&
        (!image || (at::equal(tensor_of(a, "scale"), tensor_of(b, "scale")) && (by_rows(s) || equal_states(a, b))));
    if (!alike)
      throw InputError(
          "input \"{}\": data sets \"{}\" and \"{}\" are scaled differently ({}), but one network sees both: give both "
          "the same normalisation",
          input.spec.name, names[first], names[s],
          image ? "normalize, mean, std, or the range of their values" : "standardise");
    as_one = as_one && s == first && same_columns(fitted[s]->spec(), input.spec);
  }
  if (as_one || (image && !by_rows(first))) return *fitted[first];
  if (image)
    return fit_normalize({}, input.spec, tensor_of(*fitted[first], "scale").item<double>(), rows, read, kMostPictures);
  return Preprocess::for_table(input.spec, read(rows), by_rows(first));
}

}  // namespace polytask
