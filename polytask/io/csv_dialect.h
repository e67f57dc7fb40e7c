#pragma once
#include <polytask/io/csv.h>
#include <polytask/io/csv_scanner.h>

#include <string>
#include <string_view>
#include <vector>

namespace polytask {

/// The character that separates fields: the one that the options name, or the one that splits the first rows evenly.
/// Throws InputError where the options name an impossible one.
char csv_delimiter(std::string_view text, const CsvOptions& options, const std::string& name);

/// Throws InputError, naming the line, where the text (from `first_line` of a file on) is UTF-16 or holds a NUL byte.
void check_csv_text(std::string_view text, int64_t first_line, const std::string& name);

/// The names from the options or from the first row that is not blank; leaves the scanner on the first row of data.
/// False where there is none. Throws InputError for an empty file and for names that are empty or stand twice.
bool read_csv_names(CsvScanner& scanner, const CsvOptions& options, const std::string& file,
                    std::vector<std::string>& names);

}  // namespace polytask
