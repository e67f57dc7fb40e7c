#pragma once
#include <polytask/core/node.h>
#include <polytask/training/compare/options.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace polytask {

/// One training of a comparison.
struct PlannedMember {
  std::string id;      ///< names its files: "hard-pcgrad-s1"
  int64_t seed = 0;    ///< index into the plan's seeds
  std::string task;    ///< of a single-task training, "" otherwise
  Node configuration;  ///< resolved
};

/// What a line of the table is made of.
enum class RowKind {
  single,  ///< a training for each task and seed
  method,  ///< a training for each seed
  grid     ///< the same with constant weights: a candidate of the tuned row
};

struct PlannedRow {
  RowKind kind = RowKind::method;
  std::string architecture, method;  ///< as the table shows them
  std::vector<size_t> members;
};

/// Everything that a comparison trains, known before the first training.
struct ComparePlan {
  std::string name;  ///< the experiment's
  std::vector<std::string> tasks;
  std::vector<uint64_t> seeds;
  std::vector<PlannedMember> members;
  std::vector<PlannedRow> rows;  ///< the first is the single-task row
  std::vector<size_t>
      candidates;  ///< rows of which validation chooses the tuned one (equal weights among them), or none
  std::map<std::string, std::string> metrics;  ///< asked for, by task
};

/// What the command line says in place of the section; empty lists: nothing.
struct CompareChoice {
  std::vector<std::string> methods, architectures;
};

/// Single-task rows (hard sharing, the same backbone, `equal`, as many steps of as many rows: a training row without a
/// label of that task gives its place to the next one that has one), then for each architecture `equal` and every other
/// method, each with every setting, then the constant weights on the first architecture. A name takes its options from
/// the section's map of that name, or else from the file's own `balancing` or `model`. Another architecture than the
/// file's takes those keys of `model` over that it knows. No member evaluates test rows. Throws InputError for anything
/// that is wrong in the configuration, unknown names, fewer than two tasks, and where an initial run's rows would be
/// divided by several seeds.
ComparePlan make_plan(const Node& configuration, const CompareOptions& options, const CompareChoice& choice = {});

/// What is trained, as a tree: what the comparison's directory keeps, to be compared on the next start.
Node plan_node(const ComparePlan& plan);
/// The first difference of two plans in words ("hard-equal-s1: train.epochs was 5, is 6"), "" where they are equal.
std::string plan_difference(const Node& kept, const Node& now);

}  // namespace polytask
