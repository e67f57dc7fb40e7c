#pragma once
#include <polytask/data/sources/column_set.h>

#include <ATen/core/Tensor.h>
#include <c10/util/ArrayRef.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace polytask {

/// Columns of numbers that make one more input beside pictures, a vector [columns] for each row: route information,
/// readings of the instrument. A row in which all of them are missing lacks the input.
class RecordVector {
 public:
  RecordVector() = default;  ///< none
  /// Throws InputError for a column that `columns` lack (`where` names the data) or that holds a text (`row_name` names
  /// the row).
  RecordVector(const std::string& input, const std::vector<std::string>& names, const ColumnSet& columns,
               const std::string& where, const std::function<std::string(int64_t)>& row_name);

  bool empty() const { return !values_.defined(); }
  const InputSpec& spec() const { return spec_; }
  at::Tensor read(c10::ArrayRef<int64_t> rows) const;   ///< float64 [B, columns], NaN where missing
  at::Tensor given(c10::ArrayRef<int64_t> rows) const;  ///< as Source::given()
  /// Standardised over those of the rows that have it. Throws InputError where none has.
  Preprocess fit(const std::vector<int64_t>& rows) const;

 private:
  InputSpec spec_;
  at::Tensor values_;  // float64 [N, columns]
};

}  // namespace polytask
