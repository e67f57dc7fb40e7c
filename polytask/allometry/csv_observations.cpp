#include <polytask/allometry/csv_observations.h>
#include <polytask/core/error.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>

namespace polytask {
namespace {

constexpr size_t kBlock = size_t{1} << 16;

int64_t mebibytes(int64_t bytes) { return bytes >> 20; }

int64_t size_of(const std::filesystem::path& path) {
  std::error_code unknown;
  const auto size = std::filesystem::file_size(path, unknown);
  return unknown ? 0 : std::max<int64_t>(1, mebibytes(static_cast<int64_t>(size)));
}

bool says_not_finite(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  constexpr std::array<std::string_view, 3> words = {"nan", "inf", "infinity"};
  return std::find(words.begin(), words.end(), lower) != words.end();
}

}  // namespace

CsvObservations::CsvObservations(const std::filesystem::path& path, const TableColumns& columns,
                                 const CsvOptions& options)
    : stream_(path, options),
      decimal_comma_(options.decimal_comma),
      genus_(stream_.column_index(columns.genus)),
      height_(stream_.column_index(columns.height)),
      biomass_(stream_.column_index(columns.biomass)),
      progress_("reading " + path.filename().string(), size_of(path), "MiB") {
  if (columns.group.empty()) {
    groups_.of("");
  } else {
    group_ = stream_.column_index(columns.group);
  }
}

bool CsvObservations::read(std::vector<Observation>& block) {
  block.clear();
  while (block.size() < kBlock && stream_.next()) {
    const auto& fields = stream_.fields();
    Observation& row = block.emplace_back();
    if (!stream_.is_missing(fields[genus_])) row.genus = genera_.of(fields[genus_]);
    row.height_m = number(height_);
    row.biomass = number(biomass_);
    if (group_) row.group = groups_.of(fields[*group_]);
  }
  progress_.update(mebibytes(stream_.bytes_read()));
  return !block.empty();
}

double CsvObservations::number(size_t column) const {
  const std::string_view field = stream_.fields()[column];
  if (const auto value = parse_csv_number(field, decimal_comma_)) return *value;
  if (!stream_.is_missing(field) && !says_not_finite(field))
    throw InputError("{}:{}: column \"{}\": \"{}\" is no number{}", stream_.file(), stream_.line(),
                     stream_.names()[column], field,
                     decimal_comma_ ? " (written with a decimal comma, as in 3,14)" : "");
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace polytask
