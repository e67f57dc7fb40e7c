#include <polytask/core/error.h>
#include <polytask/core/suggest.h>
#include <polytask/data/data_module.h>
#include <polytask/data/data_sets.h>
#include <polytask/data/keep_labels.h>
#include <polytask/data/labelled_sampler.h>
#include <polytask/data/leaks.h>
#include <polytask/data/sources/column_set.h>
#include <polytask/data/split_sets.h>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace polytask {
namespace {

// The section in two: what the source reads, and what is read here.
struct Sections {
  Node source, own;
};

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Keys of options as they stand in a configuration ("split", not "split.group").
std::vector<std::string> keys_of(const std::vector<FieldDescription>& options) {
  std::vector<std::string> keys;
  for (const auto& option : options) {
    const std::string key = option.name.substr(0, option.name.find('.'));
    if (!contains(keys, key)) keys.push_back(key);
  }
  return keys;
}

std::vector<std::string> source_keys(const Node& section) {
  Node only_name = Node::map_of();
  only_name.place = section.place;
  only_name.path = section.path;
  if (const Node* name = section.find("source")) only_name.set("source", *name);
  const std::string name = only_name.text_or("source", "");
  if (!sources().contains(name)) sources().resolve(only_name);  // throws, with a suggestion
  std::vector<std::string> keys = {"source"};
  for (const auto& info : sources().infos())
    if (info.name == name)
      for (const auto& key : keys_of(info.options())) keys.push_back(key);
  return keys;
}

Sections divide(const Node& section) {
  if (!section.is_map() && !section.is_null()) throw InputError("{}: expected a map of options", section.where());
  const auto own = keys_of(describe_fields([](Fields& f) { DataOptions().fields(f); }));
  auto known = source_keys(section);
  Sections parts{Node::map_of(), Node::map_of()};
  for (Node* part : {&parts.source, &parts.own}) {
    part->place = section.place;
    part->path = section.path;
  }
  for (const auto& [key, value] : section.entries()) {
    if (contains(own, key)) {
      parts.own.set(key, value);
    } else if (contains(known, key)) {
      parts.source.set(key, value);
    } else {
      known.insert(known.end(), own.begin(), own.end());
      throw InputError("{}: unknown key{}", value.where(), did_you_mean(key, known));
    }
  }
  return parts;
}

// A bare name stands for a map of nothing but that name.
Node typed(const Node& node) {
  if (!node.is_scalar()) return node;
  Node map = Node::map_of({{"type", node}});
  map.place = node.place;
  map.path = node.path;
  return map;
}

DataOptions resolve_options(const Node& own) {
  auto options = read_options<DataOptions>(own);
  options.sampler = samplers().resolve(typed(options.sampler));
  if (!options.transforms.is_null() && !options.transforms.is_sequence())
    throw InputError("{}: expected a list of transforms", options.transforms.where());
  Node resolved = Node::sequence_of({});
  for (const auto& transform : options.transforms.items()) resolved.append(transforms().resolve(typed(transform)));
  options.transforms = std::move(resolved);
  return options;
}

std::vector<std::string> target_columns(const std::vector<TargetRequest>& requests) {
  std::vector<std::string> columns;
  for (const auto& request : requests)
    if (!request.dense)
      for (const auto& expression : request.expressions) columns.push_back(column_of(expression));
  return columns;
}

bool is_layer(const Source& source, const std::string& name) {
  const auto layers = source.layers();
  return std::any_of(layers.begin(), layers.end(), [&](const auto& layer) { return layer.name == name; });
}

std::vector<InputSpec> specs_of(const std::vector<Preprocess>& fitted) {
  std::vector<InputSpec> specs;
  specs.reserve(fitted.size());
  for (const auto& preprocess : fitted) specs.push_back(preprocess.spec());
  return specs;
}

// Columns of the same shape may still be others.
void check_columns(const InputSpec& found, const InputSpec& expected) {
  for (size_t c = 0; c < expected.columns.size(); ++c) {
    const InputColumn& is = found.columns.at(c);
    const InputColumn& was = expected.columns[c];
    if (is.name != was.name || is.categorical != was.categorical)
      throw InputError("data: column {} of input \"{}\" is \"{}\"{}, but the model was trained on \"{}\"{}", c + 1,
                       found.name, is.name, is.categorical ? " (categories)" : "", was.name,
                       was.categorical ? " (categories)" : "");
    if (is.categories != was.categories)
      throw InputError("data: column \"{}\" of input \"{}\" has the categories {}, but the model was trained on {}",
                       is.name, found.name, fmt::join(is.categories, ", "), fmt::join(was.categories, ", "));
  }
}

void check_fitted(const Source& source, const std::vector<Preprocess>& fitted) {
  const auto inputs = source.inputs();
  if (inputs.size() != fitted.size())
    throw InputError("data: the source has {} inputs, but the model was trained on {}", inputs.size(), fitted.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const InputSpec& expected = fitted[i].spec();
    if (inputs[i].name != expected.name || inputs[i].shape != expected.shape)
      throw InputError("data: input {} is \"{}\" [{}], but the model was trained on \"{}\" [{}]", i + 1, inputs[i].name,
                       fmt::join(inputs[i].shape, ", "), expected.name, fmt::join(expected.shape, ", "));
    check_columns(inputs[i], expected);
  }
}

// Columns that a split reads, of each data set with a split of its own as well.
std::vector<std::string> split_columns(const Source& source, const SplitOptions& outer) {
  std::vector<std::string> columns;
  const auto add = [&](const SplitOptions& options, const auto& name_of) {
    for (const auto& column : {options.column, options.group})
      if (!column.empty()) columns.push_back(name_of(column));
  };
  const auto sets = source.data_sets();
  const auto options = split_options_of(sets, outer);
  for (size_t s = 0; s < sets.size(); ++s)
    add(options[s], [&](const std::string& name) { return column_in_set(source, sets[s], name); });
  if (sets.empty()) add(outer, [](const std::string& name) { return name; });
  return columns;
}

// The rows that are searched for leaks: not those of a data set whose own split says so.
Split searched_for_leaks(const Source& source, const SplitOptions& outer, Split split) {
  const auto sets = source.data_sets();
  const auto options = split_options_of(sets, outer);
  for (size_t s = 0; s < sets.size(); ++s) {
    if (options[s].warn_leaks) continue;
    const auto inside = [&](int64_t row) { return row >= sets[s].begin && row < sets[s].end; };
    for (auto* rows : {&split.train, &split.validation, &split.test})
      rows->erase(std::remove_if(rows->begin(), rows->end(), inside), rows->end());
  }
  return split;
}

void check_loadable(const Source& source, const DataOptions& options, const Split& split) {
  const auto inputs = source.inputs();
  const bool images = std::any_of(inputs.begin(), inputs.end(), [](const auto& spec) { return spec.is_image(); });
  if (!options.transforms.items().empty() && !images)
    throw InputError("data.transforms: transforms change pictures, but this source has none");
  const auto rows = static_cast<int64_t>(split.train.size());
  if (options.loader.drop_last && rows < options.loader.batch_size)
    throw InputError("data.drop_last: {} training rows make no full batch of {}", rows, options.loader.batch_size);
}

}  // namespace

void DataOptions::fields(Fields& f) {
  loader.fields(f);
  f.section("split", split, "how rows are divided into training, validation and test");
  f.field("sampler", sampler, "the order of the training rows: {type: shuffle}, or another sampler with its options");
  f.field("transforms", transforms, "augmentation of training pictures: a list of {type: …} with their options");
  f.field("unlabelled", unlabelled,
          "training rows without a label of any task: keep, or replace each by the next labelled one, so that an epoch "
          "has as many steps and every row of it teaches something",
          one_of({"keep", "replace"}));
  f.field("other_targets", other_targets,
          "targets of tasks that this run leaves out (as a task writes them), which are no inputs either; "
          "tasks=[…] on the command line fills it in");
  Range share = between(0, 1);
  share.min_open = true;
  f.field(
      "keep_labels", keep_labels,
      "share of the training labels of each task that is kept, drawn at random for each task apart; for experiments "
      "with partial labels",
      share);
}

Node resolve_data_section(const Node& section) {
  const Sections parts = divide(section);
  Node resolved = sources().resolve(parts.source);
  const Node own = write_options(resolve_options(parts.own));
  for (const auto& [key, value] : own.entries()) resolved.set(key, value);
  return resolved;
}

Node source_options(const Node& section) { return divide(section).source; }

DataModule open_data(const Node& section, const std::vector<TargetRequest>& requests, uint64_t seed,
                     const std::vector<Preprocess>& fitted) {
  const Sections parts = divide(section);
  const DataOptions options = resolve_options(parts.own);
  OpenRequest open;
  open.seed = seed;
  open.specs = specs_of(fitted);
  std::shared_ptr<Source> source = sources().create(parts.source, open);

  std::map<std::string, Targets> targets;
  for (const auto& request : requests) targets[request.task] = encode_targets(*source, request);
  std::vector<std::string> used = target_columns(requests);
  for (const auto& expression : options.other_targets) {
    if (is_layer(*source, expression)) continue;  // never an input
    used.push_back(column_of(expression));
    require_known(used.back(), source->column_names(), "data.other_targets");
  }
  DataModule module;
  module.split = make_split(*source, options.split, seed);
  if (options.split.warn_leaks || !source->data_sets().empty())  // data sets may have splits of their own
    module.warnings = find_leaks(*source, searched_for_leaks(*source, options.split, module.split), used);
  for (const auto& column : split_columns(*source, options.split)) used.push_back(column);
  for (auto& [task, of_task] : targets) keep_labels(of_task, task, module.split.train, options.keep_labels, seed);
  source->exclude_from_inputs(used);
  if (options.loader.on_bad_sample == "skip") leave_out_unreadable(*source, targets, module.split);
  check_loadable(*source, options, module.split);

  std::vector<Preprocess> preprocess = fitted.empty() ? source->fit(module.split.train) : fitted;
  if (!fitted.empty()) check_fitted(*source, fitted);
  module.dataset = std::make_unique<Dataset>(source, std::move(preprocess), std::move(targets));
  module.sampler = samplers().create(
      options.sampler, {module.split.train, module.dataset->targets(), source->data_sets(), options.loader.batch_size});
  if (options.unlabelled == "replace")
    module.sampler = only_labelled(std::move(module.sampler), module.split.train, module.dataset->targets(), seed);
  module.augment = create_transforms(options.transforms.items());
  check_augmentation(*module.dataset, module.augment);
  module.loader = options.loader;
  return module;
}

std::unique_ptr<Dataset> open_for_prediction(const Node& section, const std::vector<std::string>& paths,
                                             const std::vector<Preprocess>& fitted) {
  if (paths.empty()) throw InputError("no file to predict: give one or more paths");
  OpenRequest open;
  open.paths = paths;
  open.specs = specs_of(fitted);
  std::shared_ptr<const Source> source = sources().create(divide(section).source, open);
  check_fitted(*source, fitted);
  return std::make_unique<Dataset>(std::move(source), fitted, std::map<std::string, Targets>());
}

}  // namespace polytask
