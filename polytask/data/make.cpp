#include <polytask/core/error.h>
#include <polytask/core/interrupt.h>
#include <polytask/core/progress.h>
#include <polytask/core/suggest.h>
#include <polytask/data/make.h>
#include <polytask/data/make_forest.h>
#include <polytask/data/split.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/csv.h>
#include <polytask/io/image.h>
#include <polytask/io/json.h>

#include <fmt/format.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <memory>

namespace polytask {
namespace {

namespace fs = std::filesystem;

// Stands in every directory we made, and says of what.
constexpr const char* kMarker = "polytask-data.json";
constexpr double kValidation = 0.2;
constexpr int64_t kSceneCells = 256;

Node number_node(double value) { return Node::scalar_of(number_text(value)); }

std::unique_ptr<Source> open_source(const std::string& name, const MakeOptions& options) {
  Node node = Node::map_of({{"source", Node::scalar_of(name)}});
  if (name == "driving") {
    const int64_t decisions = std::max<int64_t>(1, std::llround(static_cast<double>(options.count) / 21));
    node.set("prediction", Node::scalar_of(std::to_string(options.count - decisions))).path = "count";
    node.set("decision", Node::scalar_of(std::to_string(decisions))).path = "count";
  } else {
    node.set("count", Node::scalar_of(std::to_string(options.count))).path = "count";
  }
  if (options.size > 0) node.set("size", Node::scalar_of(std::to_string(options.size))).path = "size";
  OpenRequest request;
  request.seed = options.seed;
  return sources().create(node, request);
}

std::string picture_name(int64_t row) { return fmt::format("images/{:05}.png", row); }

// The values of an input that is no picture, where the row has it.
void add_vector(const Source& source, int64_t input, const InputSpec& spec, int64_t row, Node& record) {
  const at::Tensor given = source.given(input, {row});
  if (given.defined() && !given[0].item<bool>()) return;
  const at::Tensor values = source.read(input, {row})[0];
  for (size_t c = 0; c < spec.columns.size(); ++c)
    record.set(spec.columns[c].name, number_node(values[static_cast<int64_t>(c)].item<double>()));
}

Node record_of(const Source& source, const std::vector<Column>& columns, int64_t row) {
  Node record = Node::map_of({{"image", Node::scalar_of(picture_name(row), true)}});
  const auto names = source.column_names();
  for (size_t c = 0; c < names.size(); ++c)
    if (!columns[c].missing(row))
      record.set(names[c], columns[c].numeric ? number_node(columns[c].numbers[static_cast<size_t>(row)])
                                              : Node::scalar_of(columns[c].texts[static_cast<size_t>(row)], true));
  const auto inputs = source.inputs();
  for (size_t i = 1; i < inputs.size(); ++i) add_vector(source, static_cast<int64_t>(i), inputs[i], row, record);
  return record;
}

std::vector<Column> columns_of(const Source& source) {
  std::vector<Column> columns;
  for (const auto& name : source.column_names()) columns.push_back(source.column(name));
  return columns;
}

// A list of records, one a line.
std::string records_json(const Source& source, const std::vector<int64_t>& rows) {
  const auto columns = columns_of(source);
  std::vector<std::string> lines;
  lines.reserve(rows.size());
  for (const int64_t row : rows) lines.push_back(write_json(record_of(source, columns, row)));
  return fmt::format("[\n{}\n]\n", fmt::join(lines, ",\n"));
}

// Of an earlier, larger set in the same directory.
void remove_pictures_from(const fs::path& directory, int64_t row) {
  while (fs::remove(directory / picture_name(row))) ++row;
}

void write_pictures(const std::string& name, const Source& source, const Split& split, const MakeOptions& options) {
  make_directory(options.directory / "images");
  Progress progress(name, source.size(), "pictures");
  for (int64_t row = 0; row < source.size(); ++row) {
    check_interrupt(options);
    write_png(options.directory / picture_name(row), source.read(0, row)[0]);
    progress.update(row + 1);
  }
  remove_pictures_from(options.directory, source.size());
  write_file_atomically(options.directory / "train.json", records_json(source, split.train));
  write_file_atomically(options.directory / "val.json", records_json(source, split.validation));
}

std::string csv_value(const Column& column, int64_t row) {
  if (column.missing(row)) return "";
  const auto at = static_cast<size_t>(row);
  return column.numeric ? number_text(column.numbers[at]) : column.texts[at];
}

void write_rows(const Source& source, const std::vector<int64_t>& rows, const fs::path& file,
                const MakeOptions& options, Progress& progress, int64_t& done) {
  const auto columns = columns_of(source);
  write_file_atomically(file, [&](std::ostream& out) {
    out << csv_line(source.column_names()) << '\n';
    for (const int64_t row : rows) {
      check_interrupt(options);
      std::vector<std::string> fields;
      fields.reserve(columns.size());
      for (const auto& column : columns) fields.push_back(csv_value(column, row));
      out << csv_line(fields) << '\n';
      progress.update(++done);
    }
  });
}

void write_tabular(const Source& source, const Split& split, const MakeOptions& options) {
  Progress progress("tabular", source.size(), "rows");
  int64_t done = 0;
  write_rows(source, split.train, options.directory / "train.csv", options, progress, done);
  write_rows(source, split.validation, options.directory / "val.csv", options, progress, done);
}

bool made_by_us(const fs::path& directory, const std::string& name) {
  const fs::path marker = directory / kMarker;
  return fs::exists(marker) && read_json_file(marker).text_or("data", "") == name;
}

void prepare_directory(const std::string& name, const MakeOptions& options) {
  const fs::path& directory = options.directory;
  if (directory.empty()) throw InputError("no directory given to write to");
  if (fs::exists(directory) && !fs::is_directory(directory))
    throw InputError("{}: is a file: name a directory", directory.string());
  const bool empty = !fs::exists(directory) || fs::is_empty(directory);
  if (!empty && !options.overwrite && !made_by_us(directory, name))
    throw InputError("{}: is not empty and holds no {} data made by polytask: name another directory, or overwrite",
                     directory.string(), name);
  make_directory(directory);
  Node marker = Node::map_of({{"data", Node::scalar_of(name, true)}});
  marker.set("count", Node::scalar_of(std::to_string(options.count)));
  marker.set("seed", Node::scalar_of(std::to_string(options.seed)));
  if (options.validation) marker.set("validation", number_node(*options.validation));
  write_file_atomically(directory / kMarker, write_json(marker) + "\n");
}

const MakeableData& find_data(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& data : makeable_data()) {
    if (data.name == name) return data;
    names.push_back(data.name);
  }
  throw InputError("unknown data set \"{}\"{}", name, did_you_mean(name, names));
}

}  // namespace

void check_interrupt(const MakeOptions& options) {
  if (interrupt_signal() != 0)
    throw Interrupted(fmt::format("interrupted: {} is incomplete; make it again", options.directory.string()));
}

const std::vector<MakeableData>& makeable_data() {
  static const std::vector<MakeableData> all = {
      {"implants", "Made radiographs of screw implants with company, model, diameter and length.",
       "images/00000.png, …, train.json and val.json (for the source `images`)", 4000},
      {"tabular", "A made table whose targets (kind, defect, strength, price) share latent factors.",
       "train.csv and val.csv (for the source `table`)", 5000},
      {"driving",
       "Made driving scenes from above: many with the place of the vehicle ahead, few with a decision and a route.",
       "images/00000.png, …, train.json and val.json (for the source `images` with vector: [route_left, "
       "route_straight, "
       "route_right, route_turn_m], vector_input: route)",
       8400},
      {"forest", "Made scenes of a forest as radar sees it, with genus, height and biomass of every cell of 25 m.",
       "scene_000_S1.tif (VV, VH in dB), scene_000_genus.tif, scene_000_height.tif (m), scene_000_biomass.tif (Mg/ha), "
       "… and genera.json (for the source `raster`, split by group: scene)",
       12},
  };
  return all;
}

namespace {

void make_scenes(const std::string& name, MakeOptions options) {
  if (options.validation)
    throw InputError("forest: scenes are not divided into files: leave the validation share out, and give data.split");
  if (options.size == 0) options.size = kSceneCells;
  check_forest(options);
  prepare_directory(name, options);
  write_forest(options);
}

void make_samples(const std::string& name, MakeOptions options) {
  if (options.size > 0 && name == "tabular") throw InputError("tabular data have no pictures: leave the size out");
  options.validation = options.validation.value_or(kValidation);
  if (!(*options.validation >= 0 && *options.validation < 1))
    throw InputError("validation: {} is no share of the samples: must be in [0, 1)", number_text(*options.validation));
  const auto source = open_source(name, options);
  SplitOptions shares;
  shares.validation = *options.validation;
  const Split split = make_split(*source, shares, options.seed);
  prepare_directory(name, options);
  name == "tabular" ? write_tabular(*source, split, options) : write_pictures(name, *source, split, options);
}

}  // namespace

void make_data(const std::string& name, const MakeOptions& options) {
  const MakeableData& data = find_data(name);
  MakeOptions chosen = options;
  if (chosen.count == 0) chosen.count = data.default_count;
  name == "forest" ? make_scenes(name, chosen) : make_samples(name, chosen);
}

}  // namespace polytask
