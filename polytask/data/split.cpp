#include <polytask/core/error.h>
#include <polytask/core/random.h>
#include <polytask/data/leaks.h>
#include <polytask/data/split.h>
#include <polytask/data/split_sets.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>

namespace polytask {
namespace {

using Rows = std::vector<int64_t>;

std::string lower(std::string text) {
  for (auto& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

void append(Rows& to, const Rows& from) { to.insert(to.end(), from.begin(), from.end()); }

Part part_named(const Column& column, const std::string& name, const Source& source, int64_t row) {
  const std::string value = lower(column.label(row));
  if (value == "train" || value == "training") return Part::train;
  if (value == "validation" || value == "val" || value == "valid" || value == "dev") return Part::validation;
  if (value == "test" || value == "testing") return Part::test;
  throw InputError(
      "{}: \"{}\" in column \"{}\" names no part (data.split.column): must be train, validation (val, dev) or test",
      source.row_name(row), column.label(row), name);
}

// How many of `rows` a share is.
int64_t share_of(double share, size_t rows, const char* part) {
  const int64_t count = std::llround(share * static_cast<double>(rows));
  if (share > 0 && count == 0)
    throw InputError("data.split.{}: {} of {} rows is no row", part, number_text(share), rows);
  return count;
}

// Rows by the value of a column, in the order of the values, each list shuffled.
std::vector<Rows> rows_by_value(const Source& source, const std::string& column_name, const Rows& rows,
                                Random& random) {
  const Column column = source.column(column_name);
  std::map<std::string, Rows> by_value;
  for (const int64_t row : rows) by_value[column.label(row)].push_back(row);
  std::vector<Rows> result;
  for (auto& [value, members] : by_value) {
    random.shuffle(members);
    result.push_back(std::move(members));
  }
  return result;
}

// Takes `total` rows off the ends of the classes, each in proportion to `sizes` (largest remainders first).
Rows take_proportionally(std::vector<Rows>& classes, const std::vector<size_t>& sizes, int64_t total) {
  double all = 0;
  for (const size_t size : sizes) all += static_cast<double>(size);
  std::vector<int64_t> counts;
  std::vector<std::pair<double, size_t>> remainders;
  int64_t missing = total;
  for (size_t c = 0; c < classes.size(); ++c) {
    const double quota = static_cast<double>(total) * static_cast<double>(sizes[c]) / all;
    counts.push_back(std::min(static_cast<int64_t>(quota), static_cast<int64_t>(classes[c].size())));
    remainders.emplace_back(static_cast<double>(counts[c]) - quota, c);
    missing -= counts[c];
  }
  std::sort(remainders.begin(), remainders.end());
  for (size_t i = 0; missing > 0; i = (i + 1) % remainders.size()) {
    const size_t c = remainders[i].second;
    if (counts[c] == static_cast<int64_t>(classes[c].size())) continue;
    ++counts[c];
    --missing;
  }
  Rows taken;
  for (size_t c = 0; c < classes.size(); ++c) {
    const auto begin = classes[c].end() - counts[c];
    taken.insert(taken.end(), begin, classes[c].end());
    classes[c].erase(begin, classes[c].end());
  }
  return taken;
}

void check_classes(const std::vector<Rows>& classes, size_t rows, const std::string& column) {
  if (rows > 4 && classes.size() > rows / 2)
    throw InputError("data.split.stratify: column \"{}\" has {} different values in {} rows: name a column of classes",
                     column, classes.size(), rows);
}

Split split_stratified(const Source& source, const SplitOptions& options, const Rows& pool, Random& random) {
  std::vector<Rows> classes = rows_by_value(source, options.stratify, pool, random);
  check_classes(classes, pool.size(), options.stratify);
  std::vector<size_t> sizes;
  sizes.reserve(classes.size());
  for (const auto& rows : classes) sizes.push_back(rows.size());
  Split split;
  split.validation = take_proportionally(classes, sizes, share_of(options.validation, pool.size(), "validation"));
  split.test = take_proportionally(classes, sizes, share_of(options.test, pool.size(), "test"));
  for (const auto& rows : classes) append(split.train, rows);
  return split;
}

// Takes whole groups, in their order, as long as each brings the count nearer to `wanted`.
Rows take_groups(std::vector<Rows>& groups, int64_t wanted, const char* part) {
  Rows taken;
  std::vector<Rows> left;
  for (auto& group : groups) {
    const auto now = static_cast<int64_t>(taken.size()), then = now + static_cast<int64_t>(group.size());
    if (std::abs(then - wanted) < std::abs(now - wanted))
      append(taken, group);
    else
      left.push_back(std::move(group));
  }
  if (wanted > 0 && taken.empty())
    throw InputError("data.split.{}: every group is more than twice the {} rows asked for: ask for a larger share",
                     part, wanted);
  groups = std::move(left);
  return taken;
}

Split split_grouped(const Source& source, const SplitOptions& options, const Rows& pool, Random& random) {
  std::vector<Rows> groups = rows_by_value(source, options.group, pool, random);
  random.shuffle(groups);
  Split split;
  split.validation = take_groups(groups, share_of(options.validation, pool.size(), "validation"), "validation");
  split.test = take_groups(groups, share_of(options.test, pool.size(), "test"), "test");
  for (const auto& rows : groups) append(split.train, rows);
  return split;
}

Split split_randomly(const SplitOptions& options, Rows pool, Random& random) {
  random.shuffle(pool);
  const auto validation = pool.begin() + share_of(options.validation, pool.size(), "validation");
  const auto test = validation + share_of(options.test, pool.size(), "test");
  return {{test, pool.end()}, {pool.begin(), validation}, {validation, test}};
}

Split draw(const Source& source, const SplitOptions& options, const Rows& pool, Random& random) {
  if (pool.empty()) return {};
  if (!options.group.empty()) return split_grouped(source, options, pool, random);
  if (!options.stratify.empty()) return split_stratified(source, options, pool, random);
  return split_randomly(options, pool, random);
}

void check_not_given(double share, const Rows& given, const char* part) {
  if (share > 0 && !given.empty())
    throw InputError("data.split.{}: the data come with a {} part of {} rows: leave the share out", part, part,
                     given.size());
}

void check_groups(const Source& source, const std::string& name, const Split& split) {
  const Column column = source.column(name);
  for (int64_t row = 0; row < source.size(); ++row)
    if (column.missing(row))
      throw InputError("{}: no value in column \"{}\" (data.split.group): every row must belong to a group",
                       source.row_name(row), name);
  for (const auto& [value, parts] : parts_by_value(column, split))
    if (parts > 1)
      throw InputError("data.split.group: the data themselves have \"{}\" of column \"{}\" in {} parts", value, name,
                       parts);
}

}  // namespace

void SplitOptions::fields(Fields& f) {
  Range share = between(0, 1);
  share.max_open = true;
  f.field("validation", validation, "share of the rows kept for validation", share);
  f.field("test", test, "share of the rows kept for the test", share);
  f.field("column", column, "a column whose values name each row's part: train, validation (val, dev) or test");
  f.field("group", group, "rows with equal values of this column (person, site) never part");
  f.field("stratify", stratify, "a column whose classes are to be equally frequent in every part");
  f.field("seed", seed, "what the split is drawn from; -1: the experiment's seed", at_least(-1));
  f.field("warn_leaks", warn_leaks, "warn when a column that looks like an identifier repeats across parts");
}

std::vector<Part> given_parts(const Source& source, const SplitOptions& options) {
  std::vector<Part> parts;
  const Column column = options.column.empty() ? Column() : source.column(options.column);
  for (int64_t row = 0; row < source.size(); ++row)
    parts.push_back(options.column.empty() ? source.part(row) : part_named(column, options.column, source, row));
  return parts;
}

void check_neighbours(const Source& source, const SplitOptions& options, const Rows& open) {
  const auto groups = source.neighbour_groups();
  const bool kept =
      std::any_of(groups.begin(), groups.end(), [&](const auto& group) { return group.column == options.group; });
  if (groups.empty() || kept || options.validation + options.test == 0) return;
  const Column together = source.column(groups.front().column);
  std::map<std::string, int64_t> count;
  for (int64_t row = 0; row < source.size(); ++row) ++count[together.label(row)];
  const auto divided =
      std::find_if(open.begin(), open.end(), [&](int64_t row) { return count.at(together.label(row)) > 1; });
  if (divided == open.end()) return;
  const std::string value = together.label(*divided);
  std::vector<std::string> choices;
  choices.reserve(groups.size());
  for (const auto& group : groups) choices.push_back(fmt::format("{} ({})", group.column, group.meaning));
  throw InputError(
      "data.split: the {} samples of {} \"{}\" would be divided one by one, though neighbours look alike and scores "
      "would be too good: set data.split.group: {}",
      count.at(value), groups.front().column, value, fmt::join(choices, " or "));
}

void check_split_options(const SplitOptions& options) {
  if (options.validation + options.test >= 1)
    throw InputError("data.split: validation {} and test {} leave no training row: their sum must be below 1",
                     number_text(options.validation), number_text(options.test));
  if (!options.group.empty() && !options.stratify.empty())
    throw InputError("data.split: group and stratify exclude each other: give one of them");
}

Split make_split(const Source& source, const SplitOptions& options, uint64_t seed) {
  if (!source.data_sets().empty()) return split_data_sets(source, options, seed);
  check_split_options(options);
  const std::vector<Part> parts = given_parts(source, options);
  Split split;
  Rows pool;
  for (int64_t row = 0; row < source.size(); ++row) {
    const Part part = parts[static_cast<size_t>(row)];
    Rows& rows = part == Part::train        ? split.train
                 : part == Part::validation ? split.validation
                 : part == Part::test       ? split.test
                                            : pool;
    rows.push_back(row);
  }
  if (pool.empty()) {
    check_not_given(options.validation, split.validation, "validation");
    check_not_given(options.test, split.test, "test");
    pool.swap(split.train);
  }
  check_neighbours(source, options, pool);
  Random random(options.seed < 0 ? seed : static_cast<uint64_t>(options.seed), "data/split");
  const Split drawn = draw(source, options, pool, random);
  append(split.train, drawn.train);
  append(split.validation, drawn.validation);
  append(split.test, drawn.test);
  if (split.train.empty())
    throw InputError("data.split: no training row is left ({} validation, {} test rows)", split.validation.size(),
                     split.test.size());
  if (!options.group.empty()) check_groups(source, options.group, split);
  for (Rows* rows : {&split.train, &split.validation, &split.test}) std::sort(rows->begin(), rows->end());
  return split;
}

}  // namespace polytask
