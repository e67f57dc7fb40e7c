#include <polytask/core/error.h>
#include <polytask/core/threads.h>
#include <polytask/training/open_run.h>
#include <polytask/training/run_directory.h>

#include <numeric>
#include <utility>

namespace polytask {

OpenedRun open_run(const std::filesystem::path& run, const std::string& which,
                   const std::vector<std::string>& overrides) {
  read_run_configuration(run);
  auto experiment = resolve_experiment(load_configuration(run / "config.yaml", overrides));
  set_threads(experiment.threads);
  const auto file = find_checkpoint(run, which);
  const auto checkpoint = load_checkpoint(file);
  OpenedRun opened{open_session(std::move(experiment), &checkpoint), file};
  load_balancing(checkpoint, opened.session);
  return opened;
}

std::vector<int64_t> rows_of_split(const OpenedRun& opened, const std::string& split,
                                   const std::filesystem::path& run) {
  const DataModule& data = opened.session.data;
  std::vector<int64_t> rows;
  if (split == "train") rows = data.split.train;
  if (split == "validation") rows = data.split.validation;
  if (split == "test") rows = data.split.test;
  if (split == "all") {
    rows.resize(static_cast<size_t>(data.dataset->source().size()));
    std::iota(rows.begin(), rows.end(), 0);
  }
  if (rows.empty())
    throw InputError("{}: the data has no {} rows; choose another --split (train, validation, test, all)", run.string(),
                     split);
  return rows;
}

}  // namespace polytask
