#include <polytask/objectives/direction.h>

#include <cmath>

namespace polytask {

std::string direction_name(Direction direction) {
  switch (direction) {
    case Direction::higher_is_better:
      return "higher";
    case Direction::nearer_0_is_better:
      return "nearer_0";
    case Direction::lower_is_better:
      break;
  }
  return "lower";
}

Direction direction_named(const std::string& name) {
  for (const Direction direction : {Direction::higher_is_better, Direction::nearer_0_is_better})
    if (direction_name(direction) == name) return direction;
  return Direction::lower_is_better;
}

double judged_value(double value, Direction direction) {
  return direction == Direction::nearer_0_is_better ? std::abs(value) : value;
}

}  // namespace polytask
