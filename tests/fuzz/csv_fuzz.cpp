#include <polytask/core/error.h>
#include <polytask/io/csv.h>

#include <cstddef>
#include <cstdint>
#include <string>

// Numbers and their detection go with the table: they read the same untrusted text.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    polytask::CsvOptions options;
    options.comment = "|";
    options.decimal_comma = size % 2 == 1;
    const auto table = polytask::parse_csv(std::string(reinterpret_cast<const char*>(data), size), "fuzz.csv", options);
    for (const auto& column : table.columns) {
      if (!polytask::is_numeric_column(column, options.decimal_comma)) continue;
      for (const auto& value : column) polytask::csv_number(value, options.decimal_comma, "fuzz.csv");
    }
  } catch (const polytask::InputError&) {
  }
  return 0;
}
