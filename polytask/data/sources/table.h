#pragma once
#include <polytask/data/source.h>
#include <polytask/data/sources/table_columns.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

struct TableOptions {
  std::string path, validation_path, test_path;
  CsvOptions csv;  // its options stand directly among these
  std::map<std::string, std::string> replace;
  std::vector<std::string> inputs, exclude, categorical;
  bool standardise = true;
  int64_t max_categories = 100;
  std::map<std::string, std::string> units;
  void fields(Fields& f);
};

/// CSV files: input `features`, one raw float64 per input column (a category as its index), held in memory. Inputs are
/// all columns but those excluded here or used by tasks and splits, or the listed ones. Categories are those of the
/// training rows; others are −1. Opened with specs, the inputs are the specs' columns: missing ones are errors, others
/// are passed over.
class TableSource : public Source {
 public:
  TableSource(const TableOptions& options, const OpenRequest& request);

  int64_t size() const override { return data_.rows(); }
  Part part(int64_t row) const override;
  std::vector<std::string> column_names() const override { return data_.names(); }
  /// Also InputError, naming file and line, where "nan", "inf" or the like stands for a number, or "nan" for a text.
  Column column(const std::string& name) const override;
  std::string unit(const std::string& name) const override;
  std::vector<InputSpec> inputs() const override { return {spec_}; }
  at::Tensor read(int64_t input, c10::ArrayRef<int64_t> rows) const override;
  /// Throws InputError where a text column has more than max_categories different texts in the training rows.
  std::vector<Preprocess> fit(const std::vector<int64_t>& train_rows) override;
  void adopt(const InputSpec& spec) override;
  bool scales_by_rows(int64_t) const override { return options_.standardise; }
  void exclude_from_inputs(const std::vector<std::string>& columns) override;
  std::string row_name(int64_t row) const override { return data_.row_name(row); }
  std::vector<std::pair<std::string, std::string>> fingerprints() const override;

 private:
  // A column among the inputs; `category` maps the codes of its dictionary to the spec's categories (−1: other).
  struct Input {
    const TableColumn* column;
    bool categorical;
    std::vector<double> category;
  };

  void check_names() const;
  void choose_inputs(const std::vector<std::string>& used_elsewhere);
  void take_inputs(const InputSpec& spec);
  void fit_categories(const std::vector<int64_t>& train_rows);
  void map_categories();
  double value(const Input& input, int64_t row) const;

  TableOptions options_;
  TableData data_;
  std::vector<Part> parts_;  // of each file
  InputSpec spec_;
  std::vector<Input> inputs_;
  bool fixed_inputs_ = false;  // they came with the request
};

}  // namespace polytask
