#include <polytask/core/error.h>
#include <polytask/data/sources/record_vector.h>
#include <polytask/data/sources/support.h>

#include <ATen/ATen.h>

#include <cmath>

namespace polytask {

RecordVector::RecordVector(const std::string& input, const std::vector<std::string>& names, const ColumnSet& columns,
                           const std::string& where, const std::function<std::string(int64_t)>& row_name) {
  if (names.empty()) return;
  spec_.name = input;
  spec_.shape = {static_cast<int64_t>(names.size())};
  std::vector<at::Tensor> values;
  for (const auto& name : names) {
    spec_.columns.push_back({name, {}, false});
    const Column& column = columns.at(name, where);
    for (int64_t row = 0; !column.numeric && row < column.size(); ++row)
      if (!column.missing(row))
        throw InputError("{}: column \"{}\" is \"{}\", a text, but input \"{}\" is made of numbers (data.vector)",
                         row_name(row), name, column.texts[static_cast<size_t>(row)], input);
    values.push_back(column.numeric ? at::tensor(column.numbers, at::kDouble)
                                    : at::full({column.size()}, std::nan(""), at::kDouble));
  }
  values_ = at::stack(values, 1);
}

at::Tensor RecordVector::read(c10::ArrayRef<int64_t> rows) const { return gather_rows(values_, rows); }

at::Tensor RecordVector::given(c10::ArrayRef<int64_t> rows) const {
  const at::Tensor has = read(rows).isnan().logical_not().any(1);
  return has.all().item<bool>() ? at::Tensor() : has;
}

Preprocess RecordVector::fit(const std::vector<int64_t>& rows) const {
  const at::Tensor all = read(rows), has = given(rows);
  const at::Tensor used = has.defined() ? all.index_select(0, has.nonzero().view({-1})) : all;
  if (used.size(0) == 0) throw InputError("input \"{}\": no training row has it (data.vector)", spec_.name);
  return Preprocess::for_table(spec_, used, true);
}

}  // namespace polytask
