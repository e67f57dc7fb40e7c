#pragma once
#include <polytask/core/node.h>
#include <polytask/data/sources/column_set.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace polytask {

/// One image and where its row came from.
struct ImageRow {
  std::filesystem::path file;
  std::string name;  ///< as the records or the folder name it
  Part part = Part::unspecified;
};

/// Collects images and their columns from annotation files and folders, row by row.
class RecordTable {
 public:
  /// `root`: folder of the images, "" for that of each annotation file; `image_key`: "" for the first usual one.
  RecordTable(std::string root, std::string image_key) : root_(std::move(root)), image_key_(std::move(image_key)) {}

  /// A JSON list of records, or JSON Lines (.jsonl, .ndjson). Nested keys become dotted column names; a column is
  /// numeric where all its values are numbers (or true and false: 1 and 0). Throws InputError naming the record that
  /// lacks an image.
  void add_annotations(const std::filesystem::path& file, Part part);
  /// A folder with one folder of images per class, whose name is the column `label`.
  void add_class_folders(const std::filesystem::path& folder, Part part);
  /// One image, or all images below a folder in the order of their names; no columns.
  void add_images(const std::filesystem::path& file_or_folder);

  const std::vector<ImageRow>& rows() const { return rows_; }
  ColumnSet columns() const;

 private:
  struct Cell {
    std::string text;
    bool number = false;
  };

  void add_record(const Node& record, const std::filesystem::path& file, int64_t index, Part part);
  void set(const std::string& column, Cell cell);
  void flatten(const std::string& name, const Node& value);
  void add_files(const std::filesystem::path& folder, const std::filesystem::path& named_from, Part part,
                 const std::string& label);

  std::string root_, image_key_;
  std::vector<ImageRow> rows_;
  std::vector<std::string> order_;                  // column names as met
  std::map<std::string, std::vector<Cell>> cells_;  // shorter than rows_ where the last rows lack the column
};

/// True for .json, .jsonl and .ndjson.
bool is_annotation_file(const std::filesystem::path& path);

}  // namespace polytask
