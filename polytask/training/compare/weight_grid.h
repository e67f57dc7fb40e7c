#pragma once
#include <polytask/core/node.h>

#include <string>
#include <vector>

namespace polytask {

/// Constant weights that the tuned row may have.
struct WeightPoint {
  std::string label;            ///< "4:1", in the order of the tasks
  std::vector<double> weights;  ///< [T]
};

/// Without `listed`: for each task its weight at 2 and 4 times (more than four tasks: 4 times) that of the others, with
/// the sum T, as equal weights have; 2T points, or T. Otherwise the points listed, as they are. Equal weights are not
/// among them. InputError for what are no weights of all `tasks`.
std::vector<WeightPoint> weight_grid(const Node& listed, const std::vector<std::string>& tasks);

}  // namespace polytask
