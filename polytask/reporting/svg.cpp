#include <polytask/reporting/escape.h>
#include <polytask/reporting/svg.h>

#include <fmt/format.h>

namespace polytask {
namespace {

std::string attributes(const SvgStroke& stroke) {
  if (stroke.colour == "none") return "stroke=\"none\"";
  return fmt::format("stroke=\"{}\" stroke-width=\"{:.2f}\"{}", stroke.colour, stroke.width,
                     stroke.dashes.empty() ? "" : fmt::format(" stroke-dasharray=\"{}\"", stroke.dashes));
}

}  // namespace

Svg::Svg(double width, double height) : width_(width), height_(height) {
  rectangle({0, 0}, width, height, "white", {"none", 0, ""});
}

void Svg::line(SvgPoint from, SvgPoint to, const SvgStroke& stroke) {
  body_ += fmt::format("<line x1=\"{:.2f}\" y1=\"{:.2f}\" x2=\"{:.2f}\" y2=\"{:.2f}\" {}/>\n", from.first, from.second,
                       to.first, to.second, attributes(stroke));
}

void Svg::polyline(const std::vector<SvgPoint>& points, const SvgStroke& stroke) {
  if (points.size() < 2) return;
  body_ += "<polyline fill=\"none\" points=\"";
  for (const auto& [x, y] : points) body_ += fmt::format("{:.2f},{:.2f} ", x, y);
  body_.back() = '"';
  body_ += fmt::format(" {}/>\n", attributes(stroke));
}

void Svg::rectangle(SvgPoint corner, double width, double height, const std::string& fill, const SvgStroke& stroke) {
  body_ += fmt::format("<rect x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.2f}\" fill=\"{}\" {}/>\n",
                       corner.first, corner.second, width, height, fill, attributes(stroke));
}

void Svg::circle(SvgPoint centre, double radius, const std::string& fill, double opacity) {
  body_ += fmt::format("<circle cx=\"{:.2f}\" cy=\"{:.2f}\" r=\"{:.2f}\" fill=\"{}\" fill-opacity=\"{:.2f}\"/>\n",
                       centre.first, centre.second, radius, fill, opacity);
}

void Svg::text(SvgPoint at, const std::string& text, double size, const std::string& anchor, bool turned) {
  const std::string turn = turned ? fmt::format(" transform=\"rotate(-90 {:.2f} {:.2f})\"", at.first, at.second) : "";
  body_ += fmt::format("<text x=\"{:.2f}\" y=\"{:.2f}\" font-size=\"{:.2f}\" text-anchor=\"{}\"{}>{}</text>\n",
                       at.first, at.second, size, anchor, turn, escaped_markup(text));
}

std::string Svg::document() const {
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" "
      "height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} {1:.0f}\" font-family=\"sans-serif\">\n{2}</svg>\n",
      width_, height_, body_);
}

}  // namespace polytask
