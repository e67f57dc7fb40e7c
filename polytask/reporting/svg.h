#pragma once
#include <string>
#include <utility>
#include <vector>

namespace polytask {

/// A point of a drawing: to the right, down.
using SvgPoint = std::pair<double, double>;

/// How a line or outline is drawn. Colours are those of SVG ("#0072b2", "none").
struct SvgStroke {
  std::string colour = "black";
  double width = 1;
  std::string dashes;  ///< "4 2", "" for a whole line
};

/// Builds an SVG drawing piece by piece. Numbers are written with two digits after the point, texts escaped, so that
/// the same calls give the same bytes.
class Svg {
 public:
  Svg(double width, double height);

  void line(SvgPoint from, SvgPoint to, const SvgStroke& stroke);
  void polyline(const std::vector<SvgPoint>& points, const SvgStroke& stroke);
  void rectangle(SvgPoint corner, double width, double height, const std::string& fill, const SvgStroke& stroke);
  void circle(SvgPoint centre, double radius, const std::string& fill, double opacity = 1);
  /// `anchor`: start, middle or end of the text lies on the point. `turned`: read from below.
  void text(SvgPoint at, const std::string& text, double size, const std::string& anchor = "start",
            bool turned = false);

  /// The whole document.
  std::string document() const;

 private:
  double width_, height_;
  std::string body_;
};

}  // namespace polytask
