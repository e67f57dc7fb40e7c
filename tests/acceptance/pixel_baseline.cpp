// Per-cell linear models on the data and the split of an experiment with layers genus, height and biomass:
// `pixel_baseline CONFIG [key=value …]`.
#include "support/pixel_baseline.h"

#include <polytask/config/experiment_options.h>
#include <polytask/data/data_module.h>

#include <fmt/format.h>

int main(int argc, char** argv) {
  using namespace polytask;
  if (argc < 2) {
    fmt::print(stderr, "usage: pixel_baseline CONFIG [key=value …]\n");
    return 2;
  }
  try {
    const Node experiment = load_configuration(argv[1], {argv + 2, argv + argc});
    const Node* data = experiment.find("data");
    if (data == nullptr) throw InputError("{}: there is no section data", argv[1]);
    const Node* seed = experiment.find("seed");
    const DataModule opened = open_data(*data, {}, seed == nullptr ? 1 : static_cast<uint64_t>(integer_of(*seed)));
    const bool decibels = data->text_or("domain", "db") != "linear";
    const auto& test = opened.split.test.empty() ? opened.split.validation : opened.split.test;
    for (const int64_t window : {1, 3, 5, 7, 9}) {
      const PixelBaseline baseline(opened.dataset->source(), window, decibels);
      fmt::print("{}\n", pixel_scores_text(window, baseline.scores(opened.split.train, test)));
    }
  } catch (const InputError& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 2;
  }
}
