#pragma once
#include <polytask/reporting/svg.h>

#include <string>
#include <vector>

namespace polytask {

/// A closed interval.
struct Interval {
  double low = 0, high = 1;
};

/// A rectangle of a drawing with two logarithmic axes.
class LogLogPanel {
 public:
  /// `corner` is the upper left one of the frame; `x` and `y` are what the frame spans, above 0.
  LogLogPanel(Svg& svg, SvgPoint corner, double width, double height, Interval x, Interval y);

  /// Frame, ticks at 1, 2 and 5 times powers of ten (powers alone over more than three decades), labels, title inside.
  void frame(const std::string& title);
  SvgPoint at(double x, double y) const;
  /// The part of a curve inside the frame.
  void curve(const std::vector<std::pair<double, double>>& points, const SvgStroke& stroke);
  void point(double x, double y, double radius, const std::string& colour, double opacity);

 private:
  bool inside(double x, double y) const;

  Svg& svg_;
  SvgPoint corner_;
  double width_, height_;
  Interval x_, y_;
};

/// Values of 1, 2 and 5 times powers of ten within the interval; powers alone where it spans more than three decades.
std::vector<double> logarithmic_ticks(Interval interval);

}  // namespace polytask
