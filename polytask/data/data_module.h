#pragma once
#include <polytask/data/dataset.h>
#include <polytask/data/loader.h>
#include <polytask/data/sampler.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace polytask {

/// The `data` section besides the source's own options.
struct DataOptions {
  LoaderOptions loader;  // its options stand directly in the section
  SplitOptions split;
  Node sampler = Node::map_of({{"type", Node::scalar_of("shuffle")}});
  Node transforms;                         ///< list of {type: …}
  std::string unlabelled = "keep";         ///< training rows without a label of any task: keep | replace
  std::vector<std::string> other_targets;  ///< targets of tasks that are not trained: no inputs either
  double keep_labels = 1;                  ///< share of each task's training labels, in (0, 1]
  void fields(Fields& f);
};

/// The section with every default written out (source, sampler and transforms included).
Node resolve_data_section(const Node& section);

/// What the section says to the source alone: its name and options.
Node source_options(const Node& section);

/// The data of an experiment, opened: source, split, fitted preprocessing, targets, sampler, augmentation.
struct DataModule {
  std::unique_ptr<Dataset> dataset;
  Split split;
  std::unique_ptr<Sampler> sampler;
  std::vector<std::unique_ptr<Transform>> augment;
  LoaderOptions loader;
  std::vector<std::string> warnings;  ///< leaks, dropped columns: for the log
};

/// Opens the data. `fitted` (one per input), where not empty, replaces fitting: the preprocessing of a checkpoint.
DataModule open_data(const Node& section, const std::vector<TargetRequest>& requests, uint64_t seed,
                     const std::vector<Preprocess>& fitted = {});

/// Opens files for prediction, without labels, with a run's specs and preprocessing.
std::unique_ptr<Dataset> open_for_prediction(const Node& section, const std::vector<std::string>& paths,
                                             const std::vector<Preprocess>& fitted);

}  // namespace polytask
