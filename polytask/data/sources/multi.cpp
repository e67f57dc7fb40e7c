#include <polytask/core/error.h>
#include <polytask/data/sources/multi.h>
#include <polytask/data/sources/sources.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>

namespace polytask {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// A data set's section without its split.
Node source_section(const Node& section) {
  Node source = section;
  source.erase("split");
  return source;
}

// The paths of a prediction by data set.
std::map<std::string, std::vector<std::string>> paths_by_child(const std::vector<std::string>& paths,
                                                               const std::vector<std::string>& names) {
  std::map<std::string, std::vector<std::string>> result;
  for (const auto& path : paths) {
    const size_t equals = path.find('=');
    const std::string name = equals == std::string::npos ? "" : path.substr(0, equals);
    if (contains(names, name))
      result[name].push_back(path.substr(equals + 1));
    else if (names.size() == 1)
      result[names[0]].push_back(path);
    else
      throw InputError("{}: which data set is it of? Write {}={} (there are {})", path, names[0], path,
                       fmt::join(names, ", "));
  }
  return result;
}

// Copies samples [b, …] to their places in a batch.
void scatter(const at::Tensor& samples, const std::vector<int64_t>& places, const at::Tensor& batch) {
  const at::Tensor from = samples.to(batch.scalar_type()).contiguous();
  const size_t bytes = batch.size(0) == 0 ? 0 : batch.nbytes() / static_cast<size_t>(batch.size(0));
  const char* in = static_cast<const char*>(from.data_ptr());
  char* out = static_cast<char*>(batch.data_ptr());
  for (const int64_t place : places) {
    std::memcpy(out + static_cast<size_t>(place) * bytes, in, bytes);
    in += bytes;
  }
}

at::ScalarType common_type(const std::vector<at::Tensor>& parts) {
  at::ScalarType type = at::kByte;
  for (const auto& part : parts)
    if (part.defined()) type = at::promote_types(type, part.scalar_type());
  return type;
}

}  // namespace

MultiSource::MultiSource(const MultiOptions& options, const OpenRequest& request)
    : expected_(request.specs), for_prediction_(!request.paths.empty()) {
  std::vector<std::string> names;
  for (const auto& [name, section] : options.sources.entries()) names.push_back(name);
  const auto paths = paths_by_child(request.paths, names);
  for (const auto& [name, section] : options.sources.entries()) {
    OpenRequest own = request;
    own.paths = paths.count(name) > 0 ? paths.at(name) : std::vector<std::string>();
    if (request.paths.empty() || !own.paths.empty()) open(name, section, own);
  }
  const auto all = column_names();
  for (size_t i = 0; i < all.size(); ++i)
    if (std::find(all.begin() + static_cast<int64_t>(i) + 1, all.end(), all[i]) != all.end())
      throw InputError("data.sources: column \"{}\" could be of two data sets: rename one of them", all[i]);
  join(expected_);
}

void MultiSource::open(const std::string& name, const Node& section, const OpenRequest& request) {
  Child child;
  child.name = name;
  if (const Node* split = section.find("split")) child.split = *split;
  try {
    child.source = sources().create(source_section(section), request);
  } catch (const InputError& error) {
    throw InputError("data set \"{}\": {}", name, error.what());
  }
  child.columns = child.source->column_names();
  child.begin = size();
  child.end = child.begin + child.source->size();
  children_.push_back(std::move(child));
}

// Where columns are still to be taken out (exclude_from_inputs), tables that differ now may be alike then.
void MultiSource::join(const std::vector<InputSpec>& expected) {
  unlike_.clear();
  joined_.clear();
  try {
    joined_ = expected.empty() ? join_inputs(child_sources(), child_names())
                               : join_inputs_as(expected, child_sources(), child_names());
    if (!expected.empty() && !for_prediction_) require_same_inputs(joined_, child_sources(), child_names());
  } catch (const InputError& error) {
    unlike_ = error.what();
  }
}

const JointInput& MultiSource::joint(int64_t input) const {
  if (!unlike_.empty()) throw InputError("{}", unlike_);
  return joined_.at(static_cast<size_t>(input));
}

std::vector<const Source*> MultiSource::child_sources() const {
  std::vector<const Source*> all;
  for (const auto& child : children_) all.push_back(child.source.get());
  return all;
}

std::vector<std::string> MultiSource::child_names() const {
  std::vector<std::string> all;
  for (const auto& child : children_) all.push_back(child.name);
  return all;
}

size_t MultiSource::child_of(int64_t row) const {
  if (row < 0 || row >= size()) throw InputError("row {} does not exist: there are {}", row, size());
  size_t child = 0;
  while (row >= children_[child].end) ++child;
  return child;
}

Part MultiSource::part(int64_t row) const {
  const Child& child = children_[child_of(row)];
  return child.source->part(row - child.begin);
}

std::string MultiSource::row_name(int64_t row) const {
  const Child& child = children_[child_of(row)];
  return child.name + ": " + child.source->row_name(row - child.begin);
}

std::vector<DataSetRange> MultiSource::data_sets() const {
  std::vector<DataSetRange> sets;
  for (const auto& child : children_) {
    const auto inner = child.source->data_sets();
    if (inner.empty())
      sets.push_back({child.name, child.begin, child.end, child.split, child.source->neighbour_groups()});
    for (const auto& set : inner)
      sets.push_back({child.name + "." + set.name, child.begin + set.begin, child.begin + set.end,
                      set.split.is_null() ? child.split : set.split, set.neighbours});
  }
  return sets;
}

std::vector<std::pair<std::string, std::string>> MultiSource::fingerprints() const {
  std::vector<std::pair<std::string, std::string>> result;
  for (const auto& child : children_)
    for (const auto& [file, digest] : child.source->fingerprints())
      result.emplace_back(child.name + ": " + file, digest);
  return result;
}

// ---- inputs

std::vector<InputSpec> MultiSource::inputs() const {
  if (!unlike_.empty()) throw InputError("{}", unlike_);
  std::vector<InputSpec> specs;
  for (const auto& input : joined_) specs.push_back(input.spec);
  return specs;
}

std::vector<MultiSource::Places> MultiSource::by_child(c10::ArrayRef<int64_t> rows) const {
  std::vector<Places> result(children_.size());
  for (auto& places : result) {
    places.rows.reserve(rows.size());
    places.places.reserve(rows.size());
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    const size_t child = child_of(rows[i]);
    result[child].rows.push_back(rows[i] - children_[child].begin);
    result[child].places.push_back(static_cast<int64_t>(i));
  }
  return result;
}

at::Tensor MultiSource::given(int64_t input, c10::ArrayRef<int64_t> rows) const {
  const JointInput& joint_input = joint(input);
  const auto placed = by_child(rows);
  at::Tensor mask;
  for (size_t c = 0; c < children_.size(); ++c) {
    if (placed[c].rows.empty()) continue;
    const int64_t own = joint_input.parts[c].input;
    const at::Tensor has = own < 0 ? at::zeros({static_cast<int64_t>(placed[c].rows.size())}, at::kBool)
                                   : children_[c].source->given(own, placed[c].rows);
    if (!has.defined()) continue;
    if (!mask.defined()) mask = at::ones({static_cast<int64_t>(rows.size())}, at::kBool);
    scatter(has, placed[c].places, mask);
  }
  return mask;
}

at::Tensor MultiSource::read(int64_t input, c10::ArrayRef<int64_t> rows) const {
  const JointInput& joint_input = joint(input);
  const auto placed = by_child(rows);
  std::vector<at::Tensor> parts(children_.size());
  for (size_t c = 0; c < children_.size(); ++c) {
    const int64_t own = joint_input.parts[c].input;
    if (own < 0 || placed[c].rows.empty()) continue;
    parts[c] = joint_input.convert(c, children_[c].source->read(own, placed[c].rows));
    if (placed[c].rows.size() == rows.size()) return parts[c];
  }
  std::vector<int64_t> shape = {static_cast<int64_t>(rows.size())};
  shape.insert(shape.end(), joint_input.spec.shape.begin(), joint_input.spec.shape.end());
  at::Tensor batch = at::zeros(shape, common_type(parts));
  for (size_t c = 0; c < children_.size(); ++c)
    if (parts[c].defined()) scatter(parts[c], placed[c].places, batch);
  return batch;
}

std::vector<int64_t> MultiSource::rows_with(int64_t input, const std::vector<int64_t>& rows) const {
  const at::Tensor mask = given(input, rows);
  if (!mask.defined()) return rows;
  std::vector<int64_t> kept;
  for (size_t i = 0; i < rows.size(); ++i)
    if (mask.data_ptr<bool>()[i]) kept.push_back(rows[i]);
  return kept;
}

std::vector<std::vector<Preprocess>> MultiSource::fit_children(const std::vector<int64_t>& train_rows) {
  const auto placed = by_child(train_rows);
  std::vector<std::vector<Preprocess>> fitted(children_.size());
  for (size_t c = 0; c < children_.size(); ++c) {
    if (placed[c].rows.empty()) continue;
    try {
      fitted[c] = children_[c].source->fit(placed[c].rows);
    } catch (const InputError& error) {
      throw InputError("data set \"{}\": {}", children_[c].name, error.what());
    }
  }
  return fitted;
}

void MultiSource::adopt(const InputSpec& spec) {
  for (auto& child : children_) child.source->adopt(spec);
  join(expected_);
}

// Every source is fitted by itself first, which finds the categories of its training rows; all of them together are
// then everyone's, and what several have in common is fitted again.
std::vector<Preprocess> MultiSource::fit(const std::vector<int64_t>& train_rows) {
  const auto fitted = fit_children(train_rows);
  join(expected_);
  for (const auto& spec : inputs()) adopt(spec);
  std::vector<Preprocess> result;
  for (size_t i = 0; i < inputs().size(); ++i) {
    const auto input = static_cast<int64_t>(i);
    std::vector<const Preprocess*> of_input;
    for (size_t c = 0; c < children_.size(); ++c) {
      const int64_t own = joint(input).parts[c].input;
      of_input.push_back(own < 0 || fitted[c].empty() ? nullptr : &fitted[c][static_cast<size_t>(own)]);
    }
    result.push_back(fit_jointly(joint(input), child_sources(), child_names(), of_input, rows_with(input, train_rows),
                                 [&](c10::ArrayRef<int64_t> rows) { return read(input, rows); }));
  }
  return result;
}

bool MultiSource::scales_by_rows(int64_t input) const {
  for (size_t c = 0; c < children_.size(); ++c)
    if (const int64_t own = joint(input).parts[c].input; own >= 0) return children_[c].source->scales_by_rows(own);
  return true;
}

void MultiSource::exclude_from_inputs(const std::vector<std::string>& columns) {
  for (auto& child : children_) {
    std::vector<std::string> own;
    for (const auto& name : columns) {
      const auto [owner, column] = qualified(name);
      if (owner == &child) own.push_back(column);
      if (owner == nullptr && contains(child.columns, name)) own.push_back(name);
    }
    child.source->exclude_from_inputs(own);
  }
  join(expected_);
}

void register_multi(SourceRegistry& registry) {
  registry.add<MultiOptions>("multi", "Several data sets in one run, each a source of its own", "",
                             [](const MultiOptions& options, const OpenRequest& request) {
                               return std::make_unique<MultiSource>(options, request);
                             });
}

}  // namespace polytask
