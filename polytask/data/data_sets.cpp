#include <polytask/core/error.h>
#include <polytask/core/suggest.h>
#include <polytask/data/data_sets.h>

#include <algorithm>
#include <utility>

namespace polytask {

std::string column_in_set(const Source& source, const DataSetRange& set, const std::string& name) {
  const auto known = source.column_names();
  const auto knows = [&](const std::string& column) {
    return std::find(known.begin(), known.end(), column) != known.end();
  };
  std::string prefix = set.name;
  while (!prefix.empty()) {
    if (const std::string qualified = prefix + "." + name; knows(qualified)) return qualified;
    const size_t dot = prefix.rfind('.');
    prefix = dot == std::string::npos ? "" : prefix.substr(0, dot);
  }
  if (!knows(name))
    throw InputError("data set \"{}\": there is no column \"{}\"{}", set.name, name, did_you_mean(name, known));
  return name;
}

DataSetView::DataSetView(const Source& source, DataSetRange set) : source_(source), set_(std::move(set)) {}

Column DataSetView::column(const std::string& name) const {
  const Column whole = source_.column(column_in_set(source_, set_, name));
  Column column;
  column.numeric = whole.numeric;
  bool any = false;
  for (int64_t row = set_.begin; row < set_.end; ++row) {
    any = any || !whole.missing(row);
    if (whole.numeric)
      column.numbers.push_back(whole.numbers[static_cast<size_t>(row)]);
    else
      column.texts.push_back(whole.texts[static_cast<size_t>(row)]);
  }
  if (!any) throw InputError("data set \"{}\" has no value in column \"{}\"", set_.name, name);
  return column;
}

std::vector<int64_t> DataSetView::of_source(c10::ArrayRef<int64_t> rows) const {
  std::vector<int64_t> all = rows.vec();
  for (int64_t& row : all) row += set_.begin;
  return all;
}

at::Tensor DataSetView::given(int64_t input, c10::ArrayRef<int64_t> rows) const {
  return source_.given(input, of_source(rows));
}

at::Tensor DataSetView::read(int64_t input, c10::ArrayRef<int64_t> rows) const {
  return source_.read(input, of_source(rows));
}

std::vector<Preprocess> DataSetView::fit(const std::vector<int64_t>&) {
  throw WorkError("data set \"{}\": preprocessing is fitted on the whole source", set_.name);
}

}  // namespace polytask
