#include <polytask/allometry/kept_rows.h>
#include <polytask/core/error.h>

#include <algorithm>
#include <cmath>
#include <future>

namespace polytask {
namespace {

constexpr size_t kBlock = size_t{1} << 16;

}  // namespace

KeptRows::KeptRows(Observations& observations, double min_height_m) : min_height_m_(min_height_m) {
  // The next block is read, which is most of the work, while this one is taken in.
  const double least = observations.single_precision() ? single_precision_threshold(min_height_m) : min_height_m;
  std::vector<Observation> rows, next;
  for (bool more = observations.read(rows); more; rows.swap(next)) {
    auto reading = std::async(std::launch::async, [&] { return observations.read(next); });
    for (const auto& row : rows)
      if (keep_row(row, least, counts_)) add({std::log(row.height_m), std::log(row.biomass), row.genus, row.group});
    more = reading.get();
  }
  genera_ = observations.genera().names();
  groups_ = observations.groups().names();
  rows_of_genus_.resize(genera_.size());
  if (size_ == 0) throw InputError("{}: no row is left to fit: {}", observations.name(), counts_.text(min_height_m));
}

void KeptRows::add(const KeptRow& row) {
  if (block_.size() == kBlock) {
    if (!file_) file_.emplace();
    file_->append(block_.data(), block_.size() * sizeof(KeptRow));
    block_.clear();
  }
  lowest_ = size_ == 0 ? row.log_height : std::min(lowest_, row.log_height);
  highest_ = size_ == 0 ? row.log_height : std::max(highest_, row.log_height);
  if (static_cast<size_t>(row.genus) >= rows_of_genus_.size())
    rows_of_genus_.resize(static_cast<size_t>(row.genus) + 1);
  ++rows_of_genus_[static_cast<size_t>(row.genus)];
  block_.push_back(row);
  ++size_;
}

void KeptRows::for_each(const std::function<void(const KeptRow*, size_t)>& visit_block) const {
  const size_t in_file = static_cast<size_t>(size_) - block_.size();
  std::vector<KeptRow> rows(std::min(in_file, kBlock));
  for (size_t at = 0; at < in_file; at += kBlock) {
    file_->read(at * sizeof(KeptRow), rows.data(), rows.size() * sizeof(KeptRow));
    visit_block(rows.data(), rows.size());
  }
  if (!block_.empty()) visit_block(block_.data(), block_.size());
}

}  // namespace polytask
