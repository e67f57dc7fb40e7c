#include <polytask/core/error.h>
#include <polytask/core/random.h>
#include <polytask/data/data_sets.h>
#include <polytask/data/split_sets.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace polytask {
namespace {

using Rows = std::vector<int64_t>;
using Counts = std::vector<int64_t>;  // one for each data set

uint64_t seed_of(const SplitOptions& options, uint64_t seed) {
  return options.seed < 0 ? seed : static_cast<uint64_t>(options.seed);
}

void append(Rows& to, const Rows& from, int64_t offset) {
  for (const int64_t row : from) to.push_back(row + offset);
}

// Messages of a data set's split name it.
template <class Act>
auto naming(const std::string& set, Act act) {
  try {
    return act();
  } catch (const InputError& error) {
    throw InputError("data set \"{}\": {}", set, error.what());
  }
}

void split_alone(const Source& source, const DataSetRange& set, SplitOptions options, uint64_t seed, Split& split) {
  const DataSetView view(source, set);
  const uint64_t own = stream_seed(seed_of(options, seed), "data/split/" + set.name);
  options.seed = -1;
  const Split part = naming(set.name, [&] { return make_split(view, options, own); });
  append(split.train, part.train, set.begin);
  append(split.validation, part.validation, set.begin);
  append(split.test, part.test, set.begin);
}

// One value of the group column: its rows that may still go anywhere, how many of each set, and where files put others.
struct Group {
  Rows open;
  Counts counts;
  std::set<Part> in_files;
  Part given = Part::unspecified;
};

// Data sets that are grouped by columns of one name, on their way to being divided.
class GroupedSets {
 public:
  GroupedSets(const Source& source, std::vector<DataSetRange> sets, std::vector<SplitOptions> options)
      : source_(source), sets_(std::move(sets)), options_(std::move(options)), open_(sets_.size(), 0) {
    for (size_t s = 0; s < sets_.size(); ++s) {
      if (options_[s].seed != options_[0].seed)
        throw InputError(
            "data sets \"{}\" and \"{}\" are both grouped by \"{}\", and so divided together: give both "
            "splits the same seed",
            sets_[0].name, sets_[s].name, options_[s].group);
      naming(sets_[s].name, [&] { collect(s); });
    }
    for (const auto& [value, group] : groups_)
      if (group.in_files.size() > 1)
        throw InputError("data.split.group: the data themselves have \"{}\" of column \"{}\" in {} parts", value,
                         options_[0].group, group.in_files.size());
  }

  void divide(uint64_t seed, Split& split) {
    std::vector<Group*> groups;
    for (auto& [value, group] : groups_) groups.push_back(&group);
    Random(seed_of(options_[0], seed), "data/split").shuffle(groups);
    take(groups, Part::validation, split.validation);
    take(groups, Part::test, split.test);
    for (const Group* group : groups) append(split.train, group->open, 0);
    for (const auto& [row, part] : fixed_)
      (part == Part::train ? split.train : part == Part::validation ? split.validation : split.test).push_back(row);
  }

 private:
  // Sorts the rows of a data set into those the files assign and those that are open; where the files leave none open,
  // it is their training rows that are divided.
  void collect(size_t s) {
    const DataSetView view(source_, sets_[s]);
    const SplitOptions& options = options_[s];
    const Column column = view.column(options.group);
    const std::vector<Part> parts = given_parts(view, options);
    const auto given = [&](Part part) { return std::find(parts.begin(), parts.end(), part) != parts.end(); };
    const bool all_given = !given(Part::unspecified);
    if (all_given && options.validation > 0 && given(Part::validation))
      throw InputError("data.split.validation: the data come with a validation part: leave the share out");
    if (all_given && options.test > 0 && given(Part::test))
      throw InputError("data.split.test: the data come with a test part: leave the share out");
    const bool divides_train = all_given && options.validation + options.test > 0;
    Rows open;
    for (int64_t row = 0; row < view.size(); ++row) {
      if (column.missing(row))
        throw InputError("{}: no value in column \"{}\" (data.split.group): every row must belong to a group",
                         view.row_name(row), options.group);
      const Part part = parts[static_cast<size_t>(row)];
      const bool is_open = part == Part::unspecified || (divides_train && part == Part::train);
      Group& group = groups_[column.label(row)];
      if (part != Part::unspecified) group.in_files.insert(part);
      if (is_open) open.push_back(row);
      add(s, sets_[s].begin + row, is_open ? Part::unspecified : part, group);
    }
    check_neighbours(view, options, open);
  }

  void add(size_t s, int64_t row, Part part, Group& group) {
    group.counts.resize(sets_.size(), 0);
    if (part == Part::unspecified) {
      group.open.push_back(row);
      ++group.counts[s];
      ++open_[s];
      return;
    }
    group.given = part;
    fixed_.emplace_back(row, part);
  }

  // Takes whole groups, in their order, as long as each brings the counts of all sets nearer to what is wanted; before
  // them those whose other rows the files have in this part.
  void take(std::vector<Group*>& groups, Part part, Rows& to) {
    const bool validation = part == Part::validation;
    Counts wanted, taken(sets_.size(), 0);
    for (size_t s = 0; s < sets_.size(); ++s) {
      const double share = validation ? options_[s].validation : options_[s].test;
      wanted.push_back(std::llround(share * static_cast<double>(open_[s])));
      if (share > 0 && wanted.back() == 0 && open_[s] > 0)
        throw InputError("data set \"{}\": data.split.{}: {} of {} rows is no row: ask for a larger share",
                         sets_[s].name, validation ? "validation" : "test", share, open_[s]);
    }
    std::vector<Group*> left;
    const auto accept = [&](const Group& group) {
      append(to, group.open, 0);
      for (size_t s = 0; s < taken.size(); ++s) taken[s] += group.counts[s];
    };
    for (const Group* group : groups)
      if (group->given == part) accept(*group);
    for (Group* group : groups) {
      if (group->given == part) continue;
      if (group->given == Part::unspecified && distance(wanted, taken, *group) < distance(wanted, taken, {}))
        accept(*group);
      else
        left.push_back(group);
    }
    groups = std::move(left);
    for (size_t s = 0; s < sets_.size(); ++s)
      if (wanted[s] > 0 && taken[s] == 0)
        throw InputError(
            "data set \"{}\": data.split.{}: no group of column \"{}\" comes near the {} rows asked for: "
            "ask for a larger share",
            sets_[s].name, validation ? "validation" : "test", options_[s].group, wanted[s]);
  }

  static int64_t distance(const Counts& wanted, const Counts& taken, const Group& more) {
    int64_t sum = 0;
    for (size_t s = 0; s < wanted.size(); ++s)
      sum += std::abs(taken[s] + (more.counts.empty() ? 0 : more.counts[s]) - wanted[s]);
    return sum;
  }

  const Source& source_;
  std::vector<DataSetRange> sets_;
  std::vector<SplitOptions> options_;
  std::map<std::string, Group> groups_;
  Counts open_;  // rows that the files assign to no part
  std::vector<std::pair<int64_t, Part>> fixed_;
};

}  // namespace

std::vector<SplitOptions> split_options_of(const std::vector<DataSetRange>& sets, const SplitOptions& outer) {
  std::vector<SplitOptions> options;
  options.reserve(sets.size());
  for (const auto& set : sets) options.push_back(set.split.is_null() ? outer : read_options<SplitOptions>(set.split));
  return options;
}

Split split_data_sets(const Source& source, const SplitOptions& outer, uint64_t seed) {
  const auto sets = source.data_sets();
  const auto options = split_options_of(sets, outer);
  Split split;
  std::map<std::string, std::pair<std::vector<DataSetRange>, std::vector<SplitOptions>>> grouped;
  for (size_t s = 0; s < sets.size(); ++s) {
    naming(sets[s].name, [&] { check_split_options(options[s]); });
    if (options[s].group.empty()) {
      split_alone(source, sets[s], options[s], seed, split);
    } else {
      grouped[options[s].group].first.push_back(sets[s]);
      grouped[options[s].group].second.push_back(options[s]);
    }
  }
  for (auto& [column, members] : grouped)
    GroupedSets(source, std::move(members.first), std::move(members.second)).divide(seed, split);
  if (split.train.empty())
    throw InputError("data.split: no training row is left ({} validation, {} test rows)", split.validation.size(),
                     split.test.size());
  for (Rows* rows : {&split.train, &split.validation, &split.test}) std::sort(rows->begin(), rows->end());
  return split;
}

}  // namespace polytask
