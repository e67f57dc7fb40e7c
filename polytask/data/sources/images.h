#pragma once
#include <polytask/data/source.h>
#include <polytask/data/sources/column_set.h>
#include <polytask/data/sources/normalize.h>
#include <polytask/data/sources/record_vector.h>
#include <polytask/data/sources/records.h>
#include <polytask/data/sources/sample_cache.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

struct ImagesOptions {
  std::string annotations, train, validation, test, root, image_key;
  int64_t channels = 3;
  std::vector<int64_t> size;
  NormalizeOptions normalize;
  int64_t cache_mb = 1024;
  std::map<std::string, std::string> units;
  std::vector<std::string> vector;
  std::string vector_input = "vector";
  void fields(Fields& f);
};

/// Image files with a JSON record each, or in a folder per class: input `image` [channels, H, W], every other key of a
/// record a column, and, where options say so, some of them a further input, a vector. Opened for prediction, the paths
/// are images, folders of images, or annotation files; a vector needs annotation files.
class ImagesSource : public Source {
 public:
  ImagesSource(const ImagesOptions& options, const OpenRequest& request);

  int64_t size() const override { return static_cast<int64_t>(rows_.size()); }
  Part part(int64_t row) const override { return rows_[static_cast<size_t>(row)].part; }
  std::vector<std::string> column_names() const override { return columns_.names(); }
  Column column(const std::string& name) const override { return columns_.at(name, described_); }
  std::string unit(const std::string& name) const override;
  std::vector<InputSpec> inputs() const override;
  at::Tensor given(int64_t input, c10::ArrayRef<int64_t> rows) const override;
  /// Throws InputError naming the file that is missing, no image, or of another size than the first where no size is
  /// set.
  at::Tensor read(int64_t input, c10::ArrayRef<int64_t> rows) const override;
  std::vector<Preprocess> fit(const std::vector<int64_t>& train_rows) override;
  bool scales_by_rows(int64_t input) const override { return input > 0 || options_.normalize.by_rows(); }
  /// Throws InputError for a column of the vector.
  void exclude_from_inputs(const std::vector<std::string>& columns) override;
  std::string row_name(int64_t row) const override { return rows_[static_cast<size_t>(row)].name; }
  std::vector<std::pair<std::string, std::string>> fingerprints() const override;

 private:
  void read_configured(RecordTable& table);
  at::Tensor decode(int64_t row) const;

  ImagesOptions options_;
  std::vector<ImageRow> rows_;
  ColumnSet columns_;
  std::vector<std::string> annotation_files_;
  std::string described_;  // the files, for messages
  InputSpec spec_;
  RecordVector vector_;
  std::unique_ptr<SampleCache> cache_;
};

}  // namespace polytask
