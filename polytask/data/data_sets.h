#pragma once
#include <polytask/data/source.h>

#include <string>
#include <vector>

namespace polytask {

/// Under which name the source knows column `name` of a data set: `digits.label` where there is such a column, `label`
/// otherwise (for the set `drive.decision`, first `drive.decision.label`, then `drive.label`). Throws InputError, with
/// suggestion, where it knows none.
std::string column_in_set(const Source& source, const DataSetRange& set, const std::string& name);

/// The rows of one data set as a source of their own, which are numbered from 0. Columns are looked up by
/// column_in_set(); one that has no value in any of the rows is an InputError. `source` must outlive it.
class DataSetView : public Source {
 public:
  DataSetView(const Source& source, DataSetRange set);

  int64_t size() const override { return set_.size(); }
  Part part(int64_t row) const override { return source_.part(set_.begin + row); }
  std::vector<std::string> column_names() const override { return source_.column_names(); }
  Column column(const std::string& name) const override;
  std::vector<NeighbourGroup> neighbour_groups() const override { return set_.neighbours; }
  std::string unit(const std::string& name) const override { return source_.unit(name); }
  std::vector<InputSpec> inputs() const override { return source_.inputs(); }
  at::Tensor given(int64_t input, c10::ArrayRef<int64_t> rows) const override;
  at::Tensor read(int64_t input, c10::ArrayRef<int64_t> rows) const override;
  /// Throws WorkError: fitting is for the whole source.
  std::vector<Preprocess> fit(const std::vector<int64_t>& train_rows) override;
  std::string row_name(int64_t row) const override { return source_.row_name(set_.begin + row); }

 private:
  std::vector<int64_t> of_source(c10::ArrayRef<int64_t> rows) const;

  const Source& source_;
  DataSetRange set_;
};

}  // namespace polytask
