#include <polytask/core/error.h>
#include <polytask/core/options.h>
#include <polytask/data/sources/records.h>
#include <polytask/io/json.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <limits>
#include <utility>

namespace polytask {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string>& usual_image_keys() {
  static const std::vector<std::string> keys = {"image", "file", "filename", "path", "file_name"};
  return keys;
}

std::string lower_extension(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return extension;
}

bool is_image_file(const fs::path& path) {
  static const std::vector<std::string> known = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"};
  return std::find(known.begin(), known.end(), lower_extension(path)) != known.end();
}

template <class Iterator, class Keep>
std::vector<fs::path> sorted_paths(const fs::path& folder, Keep keep) {
  std::error_code failure;
  Iterator entries(folder, failure);
  if (failure) throw InputError("{}: cannot read the folder: {}", folder.string(), failure.message());
  std::vector<fs::path> paths;
  for (const auto& entry : entries)
    if (keep(entry)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<fs::path> image_files_below(const fs::path& folder) {
  return sorted_paths<fs::recursive_directory_iterator>(
      folder, [](const fs::directory_entry& entry) { return entry.is_regular_file() && is_image_file(entry.path()); });
}

std::vector<Node> read_records(const fs::path& file) {
  if (lower_extension(file) != ".json") return read_json_lines(file);
  const Node list = read_json_file(file);
  if (!list.is_sequence()) throw InputError("{}: expected a list of records, one per image", file.string());
  return list.items();
}

}  // namespace

bool is_annotation_file(const fs::path& path) {
  const std::string extension = lower_extension(path);
  return extension == ".json" || extension == ".jsonl" || extension == ".ndjson";
}

void RecordTable::add_annotations(const fs::path& file, Part part) {
  if (!fs::is_regular_file(file)) throw InputError("{}: there is no such file", file.string());
  const std::vector<Node> records = read_records(file);
  if (records.empty()) throw InputError("{}: there are no records", file.string());
  for (size_t i = 0; i < records.size(); ++i) add_record(records[i], file, static_cast<int64_t>(i), part);
}

void RecordTable::add_record(const Node& record, const fs::path& file, int64_t index, Part part) {
  const auto where = [&] { return fmt::format("{}: record {}", file.string(), index); };
  if (!record.is_map()) throw InputError("{}: expected keys and values", where());
  for (const auto& key : usual_image_keys())
    if (image_key_.empty() && record.find(key) != nullptr) image_key_ = key;
  const Node* image = image_key_.empty() ? nullptr : record.find(image_key_);
  if (image == nullptr && image_key_.empty())
    throw InputError("{}: no key names the image: looked for {}; give data.image_key", where(),
                     fmt::join(usual_image_keys(), ", "));
  if (image == nullptr || !image->is_scalar() || image->text().empty())
    throw InputError("{}: \"{}\", the image file, is missing", where(), image_key_);
  const fs::path folder = root_.empty() ? file.parent_path() : fs::path(root_);
  rows_.push_back({folder / image->text(), image->text(), part});
  for (const auto& [key, value] : record.entries())
    if (key != image_key_) flatten(key, value);
}

void RecordTable::flatten(const std::string& name, const Node& value) {
  if (value.is_map()) {
    for (const auto& [key, inner] : value.entries()) flatten(fmt::format("{}.{}", name, key), inner);
  } else if (value.is_sequence()) {
    for (size_t i = 0; i < value.items().size(); ++i) flatten(fmt::format("{}.{}", name, i), value.items()[i]);
  } else if (value.is_null() || value.quoted()) {
    set(name, {value.text(), false});
  } else if (value.text() == "true" || value.text() == "false") {
    set(name, {value.text() == "true" ? "1" : "0", true});
  } else {
    set(name, {value.text(), true});
  }
}

void RecordTable::set(const std::string& column, Cell cell) {
  const auto [found, is_new] = cells_.try_emplace(column);
  if (is_new) order_.push_back(column);
  found->second.resize(rows_.size());
  found->second.back() = std::move(cell);
}

void RecordTable::add_files(const fs::path& folder, const fs::path& named_from, Part part, const std::string& label) {
  for (const auto& file : image_files_below(folder)) {
    rows_.push_back({file, file.lexically_relative(named_from).string(), part});
    if (!label.empty()) set("label", {label, false});
  }
}

void RecordTable::add_class_folders(const fs::path& folder, Part part) {
  const auto classes = sorted_paths<fs::directory_iterator>(
      folder, [](const fs::directory_entry& entry) { return entry.is_directory(); });
  const size_t before = rows_.size();
  for (const auto& path : classes) add_files(path, folder, part, path.filename().string());
  if (rows_.size() == before)
    throw InputError("{}: expected one folder of images per class, found {}", folder.string(),
                     classes.empty() ? "no folder" : "no image in its folders");
}

void RecordTable::add_images(const fs::path& file_or_folder) {
  if (!fs::exists(file_or_folder)) throw InputError("{}: there is no such file or folder", file_or_folder.string());
  if (!fs::is_directory(file_or_folder)) {
    rows_.push_back({file_or_folder, file_or_folder.string(), Part::unspecified});
    return;
  }
  const size_t before = rows_.size();
  add_files(file_or_folder, file_or_folder, Part::unspecified, "");
  if (rows_.size() == before) throw InputError("{}: there is no image in this folder", file_or_folder.string());
}

ColumnSet RecordTable::columns() const {
  ColumnSet result;
  for (const auto& name : order_) {
    const auto& cells = cells_.at(name);
    Column column;
    column.numeric =
        std::all_of(cells.begin(), cells.end(), [](const Cell& cell) { return cell.number || cell.text.empty(); });
    if (column.numeric) {
      column.numbers.assign(rows_.size(), std::numeric_limits<double>::quiet_NaN());
      for (size_t row = 0; row < cells.size(); ++row)
        if (!cells[row].text.empty()) column.numbers[row] = number_of(Node::scalar_of(cells[row].text));
    } else {
      column.texts.resize(rows_.size());
      for (size_t row = 0; row < cells.size(); ++row) column.texts[row] = cells[row].text;
    }
    result.add(name, std::move(column));
  }
  return result;
}

}  // namespace polytask
