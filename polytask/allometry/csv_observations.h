#pragma once
#include <polytask/allometry/observations.h>
#include <polytask/core/progress.h>
#include <polytask/io/csv_stream.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// Which columns of a table hold what.
struct TableColumns {
  std::string genus, height, biomass;
  std::string group;  ///< "": rows are not grouped
};

/// The rows of a delimited text file, read in bounded memory. "nan", "inf" and the like count as missing numbers.
class CsvObservations : public Observations {
 public:
  /// Throws InputError for a file that cannot be read and for columns that it has not (with suggestion).
  CsvObservations(const std::filesystem::path& path, const TableColumns& columns, const CsvOptions& options);
  /// Also InputError, naming file, line and column, where a height or biomass is no number.
  bool read(std::vector<Observation>& block) override;
  std::string name() const override { return stream_.file(); }

 private:
  double number(size_t column) const;

  CsvStream stream_;
  bool decimal_comma_;
  size_t genus_, height_, biomass_;
  std::optional<size_t> group_;
  Progress progress_;
};

}  // namespace polytask
