#include <polytask/core/options.h>
#include <polytask/reporting/svg_panel.h>

#include <cmath>

namespace polytask {
namespace {

constexpr double kLabelSize = 9, kTitleSize = 11;

double share(Interval interval, double value) {
  return std::log(value / interval.low) / std::log(interval.high / interval.low);
}

}  // namespace

std::vector<double> logarithmic_ticks(Interval interval) {
  constexpr double kSlack = 1e-9;
  const bool many = std::log10(interval.high / interval.low) > 3;
  std::vector<double> ticks;
  for (int power = static_cast<int>(std::floor(std::log10(interval.low))); std::pow(10.0, power) <= interval.high;
       ++power)
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double value = factor * std::pow(10.0, power);
      const bool within = value >= interval.low * (1 - kSlack) && value <= interval.high * (1 + kSlack);
      if (within && (factor == 1 || !many)) ticks.push_back(value);
    }
  return ticks;
}

LogLogPanel::LogLogPanel(Svg& svg, SvgPoint corner, double width, double height, Interval x, Interval y)
    : svg_(svg), corner_(corner), width_(width), height_(height), x_(x), y_(y) {}

SvgPoint LogLogPanel::at(double x, double y) const {
  return {corner_.first + width_ * share(x_, x), corner_.second + height_ * (1 - share(y_, y))};
}

bool LogLogPanel::inside(double x, double y) const {
  return x >= x_.low && x <= x_.high && y >= y_.low && y <= y_.high;
}

void LogLogPanel::frame(const std::string& title) {
  const SvgStroke grid{"#e0e0e0", 0.5, ""};
  for (const double x : logarithmic_ticks(x_)) {
    const SvgPoint foot = at(x, y_.low);
    svg_.line(foot, at(x, y_.high), grid);
    svg_.text({foot.first, foot.second + kLabelSize + 2}, number_text(x), kLabelSize, "middle");
  }
  for (const double y : logarithmic_ticks(y_)) {
    const SvgPoint left = at(x_.low, y);
    svg_.line(left, at(x_.high, y), grid);
    svg_.text({left.first - 3, left.second + kLabelSize / 3}, number_text(y), kLabelSize, "end");
  }
  svg_.rectangle(corner_, width_, height_, "none", {"#606060", 0.8, ""});
  svg_.text({corner_.first + 5, corner_.second + kTitleSize + 3}, title, kTitleSize);
}

void LogLogPanel::curve(const std::vector<std::pair<double, double>>& points, const SvgStroke& stroke) {
  std::vector<SvgPoint> drawn;
  for (const auto& [x, y] : points)
    if (inside(x, y)) drawn.push_back(at(x, y));
  svg_.polyline(drawn, stroke);
}

void LogLogPanel::point(double x, double y, double radius, const std::string& colour, double opacity) {
  if (inside(x, y)) svg_.circle(at(x, y), radius, colour, opacity);
}

}  // namespace polytask
