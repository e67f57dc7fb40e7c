#pragma once
#include <polytask/objectives/metric.h>

#include <string>

namespace polytask {

/// "higher", "lower" or "nearer_0", as files say it.
std::string direction_name(Direction direction);
/// The direction of that name; lower_is_better for any other text.
Direction direction_named(const std::string& name);

/// A figure as one of which lower is better, or of which higher is: its size where nearer 0 is better, else itself.
double judged_value(double value, Direction direction);

}  // namespace polytask
