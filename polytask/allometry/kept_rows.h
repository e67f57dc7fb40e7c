#pragma once
#include <polytask/allometry/observations.h>
#include <polytask/io/spool_file.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// A row that takes part in a fit, in natural logarithms.
struct KeptRow {
  double log_height = 0, log_biomass = 0;
  int32_t genus = 0, group = 0;
};

/// The rows of a stream that take part in fits, to be gone through any number of times while the stream is read once.
/// Up to 65,536 of them stay in memory; more go to an unnamed temporary file (24 bytes a row).
class KeptRows {
 public:
  /// Reads the stream to its end. Throws InputError where no row is left, saying what dropped them.
  KeptRows(Observations& observations, double min_height_m);

  int64_t size() const { return size_; }
  const RowCounts& counts() const { return counts_; }
  double min_height_m() const { return min_height_m_; }
  const std::vector<std::string>& genera() const { return genera_; }  ///< also those of which no row is kept
  const std::vector<std::string>& groups() const { return groups_; }
  const std::vector<int64_t>& rows_of_genus() const { return rows_of_genus_; }
  double lowest() const { return lowest_; }    ///< log H
  double highest() const { return highest_; }  ///< log H

  /// Every row, in the stream's order.
  void for_each(const std::function<void(const KeptRow*, size_t)>& visit_block) const;

 private:
  void add(const KeptRow& row);

  double min_height_m_;
  RowCounts counts_;
  std::vector<std::string> genera_, groups_;
  std::vector<int64_t> rows_of_genus_;
  int64_t size_ = 0;
  double lowest_ = 0, highest_ = 0;
  std::vector<KeptRow> block_;  // the rows that are not in the file
  std::optional<SpoolFile> file_;
};

}  // namespace polytask
