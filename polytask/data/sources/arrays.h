#pragma once
#include <polytask/data/source.h>
#include <polytask/data/sources/array_store.h>
#include <polytask/data/sources/normalize.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

struct ArraysOptions {
  std::string path;
  std::map<std::string, std::string> columns;
  std::string train, validation, test;
  std::string input_key = "image";
  std::vector<std::string> labels;
  ArrayLayout layout;  // its options stand directly among these
  std::map<std::string, double> nodata;
  NormalizeOptions normalize;
  int64_t cache_mb = 1024;
  std::map<std::string, std::string> units;
  void fields(Fields& f);
};

/// NumPy arrays: one stack of samples with label files beside it, or folders with a file per sample and key. Input
/// `image` [C, H, W], or `features` for samples that are vectors. Opened for prediction, the paths are stacks.
class ArraysSource : public Source {
 public:
  ArraysSource(const ArraysOptions& options, const OpenRequest& request);

  int64_t size() const override { return store_->size(); }
  Part part(int64_t row) const override { return store_->part(row); }
  std::vector<std::string> column_names() const override { return store_->columns().names(); }
  Column column(const std::string& name) const override;
  std::string unit(const std::string& name) const override;
  std::vector<InputSpec> inputs() const override { return {spec_}; }
  /// Throws InputError naming the row of an infinite feature, or of a pixel that is not finite.
  at::Tensor read(int64_t input, c10::ArrayRef<int64_t> rows) const override;
  std::vector<Preprocess> fit(const std::vector<int64_t>& train_rows) override;
  bool scales_by_rows(int64_t) const override { return options_.normalize.by_rows(); }
  std::string row_name(int64_t row) const override { return store_->row_name(row); }
  std::vector<std::pair<std::string, std::string>> fingerprints() const override { return store_->fingerprints(); }

 private:
  void check_names() const;

  ArraysOptions options_;
  std::unique_ptr<ArrayStore> store_;
  InputSpec spec_;
};

}  // namespace polytask
