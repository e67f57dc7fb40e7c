#pragma once
#include <polytask/data/source.h>
#include <polytask/data/sources/column_set.h>
#include <polytask/data/sources/normalize.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

struct IdxOptions {
  std::string root;
  std::string images, labels, test_images, test_labels;
  NormalizeOptions normalize;
  void fields(Fields& f);
};

/// MNIST-style IDX files: input `image` [1, H, W] in bytes, held in memory; column `label`. The files named t10k (or
/// `test_images`) are the test part. Opened for prediction, the paths are image files.
class IdxSource : public Source {
 public:
  /// Throws InputError for missing files (naming what was looked for), files that are no images or labels, and label
  /// counts that differ from image counts.
  IdxSource(const IdxOptions& options, const OpenRequest& request);

  int64_t size() const override { return images_.size(0); }
  Part part(int64_t row) const override;
  /// Rows of the training files, which come first; all where there are no test files.
  int64_t train_size() const { return starts_.size() > 1 ? starts_[1] : size(); }
  std::vector<std::string> column_names() const override { return columns_.names(); }
  Column column(const std::string& name) const override;
  std::vector<InputSpec> inputs() const override { return {spec_}; }
  at::Tensor read(int64_t input, c10::ArrayRef<int64_t> rows) const override;
  std::vector<Preprocess> fit(const std::vector<int64_t>& train_rows) override;
  bool scales_by_rows(int64_t) const override { return options_.normalize.by_rows(); }
  std::string row_name(int64_t row) const override;
  std::vector<std::pair<std::string, std::string>> fingerprints() const override;

 private:
  void open_configured();
  void open_images(const std::vector<std::filesystem::path>& files);

  IdxOptions options_;
  InputSpec spec_;
  at::Tensor images_;  // uint8 [N, 1, H, W]
  ColumnSet columns_;
  std::vector<std::filesystem::path> files_;  // images first
  std::vector<int64_t> starts_;               // first row of each image file
  int64_t train_rows_ = 0;                    // 0: the files give no parts
};

}  // namespace polytask
