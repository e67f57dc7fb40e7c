#include <polytask/core/random.h>
#include <polytask/reporting/allometry_figure.h>
#include <polytask/reporting/svg_panel.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

namespace polytask {
namespace {

constexpr double kPanelWidth = 190, kPanelHeight = 150, kGapX = 45, kGapY = 30, kTop = 60, kLeft = 70, kBottom = 30;
constexpr size_t kColumns = 4;

// Okabe and Ito's colours, told apart by colour-blind readers.
const SvgStroke kNone{"#d55e00", 1.2, "4 2"}, kPartial{"#0072b2", 1.8, ""}, kComplete{"#606060", 1.2, "1.5 2"};

std::vector<size_t> genera_shown(const KeptRows& rows, int64_t panels) {
  std::vector<size_t> order(rows.genera().size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return rows.rows_of_genus()[a] > rows.rows_of_genus()[b]; });
  while (!order.empty() && rows.rows_of_genus()[order.back()] == 0) order.pop_back();
  if (panels > 0 && order.size() > static_cast<size_t>(panels)) order.resize(static_cast<size_t>(panels));
  return order;
}

using Points = std::vector<std::pair<double, double>>;  // log H, log B

// A uniform sample of each shown genus's rows (Vitter's algorithm R), and the range of log B.
class Sample {
 public:
  Sample(const KeptRows& rows, const std::vector<size_t>& shown, const AllometryFigureOptions& options)
      : points_(shown.size()) {
    std::vector<size_t> panel(rows.genera().size(), shown.size());
    for (size_t p = 0; p < shown.size(); ++p) panel[shown[p]] = p;
    std::vector<int64_t> seen(shown.size());
    Random random(options.seed, "figure/points");
    rows.for_each([&](const KeptRow* row, size_t count) {
      for (const KeptRow* end = row + count; row != end; ++row) {
        const size_t p = panel[static_cast<size_t>(row->genus)];
        if (p == shown.size()) continue;
        range_.low = any_ ? std::min(range_.low, row->log_biomass) : row->log_biomass;
        range_.high = any_ ? std::max(range_.high, row->log_biomass) : row->log_biomass;
        any_ = true;
        Points& points = points_[p];
        if (static_cast<int64_t>(points.size()) < options.points_a_panel) {
          points.emplace_back(row->log_height, row->log_biomass);
        } else if (const int64_t place = random.below(seen[p] + 1); place < options.points_a_panel) {
          points[static_cast<size_t>(place)] = {row->log_height, row->log_biomass};
        }
        ++seen[p];
      }
    });
  }
  const Points& of(size_t panel) const { return points_[panel]; }
  Interval range() const { return range_; }

 private:
  std::vector<Points> points_;
  Interval range_;
  bool any_ = false;
};

Interval widened(Interval logarithm) {
  constexpr double kMargin = 0.05;
  const double margin = kMargin * std::max(logarithm.high - logarithm.low, 1.0);
  return {std::exp(logarithm.low - margin), std::exp(logarithm.high + margin)};
}

void draw_line(LogLogPanel& panel, const Fit* fit, size_t genus, Interval log_heights, const SvgStroke& stroke) {
  constexpr int kSteps = 40;
  if (fit == nullptr || !fit->genera[genus].estimable()) return;
  const Curve& curve = fit->genera[genus];
  Points points;
  std::array<double, Moments::kMostColumns> columns{};
  for (int i = 0; i <= kSteps; ++i) {
    const double x = log_heights.low + (log_heights.high - log_heights.low) * i / kSteps;
    fit->law->columns_at(x, fit->shape, columns.data());
    double y = curve.parameters[0];
    for (size_t c = 0; c < static_cast<size_t>(fit->law->columns()); ++c) y += curve.parameters[c + 1] * columns[c];
    points.emplace_back(std::exp(x), std::exp(y));
  }
  panel.curve(points, stroke);
}

void draw_legend(Svg& svg, const FittedLines& lines) {
  double x = kLeft;
  const auto entry = [&](const Fit* fit, const SvgStroke& stroke, const char* text) {
    if (fit == nullptr) return;
    svg.line({x, 36}, {x + 26, 36}, stroke);
    svg.text({x + 31, 39}, text, 11);
    x += 150;
  };
  entry(lines.none, kNone, "unpooled");
  entry(lines.partial, kPartial, "partially pooled");
  entry(lines.complete, kComplete, "pooled");
}

}  // namespace

std::string allometry_figure(const KeptRows& rows, const FittedLines& lines, const AllometryFigureOptions& options) {
  const auto shown = genera_shown(rows, options.panels);
  const Sample sample(rows, shown, options);
  const size_t columns = std::min(kColumns, shown.size()), lines_of_panels = (shown.size() + kColumns - 1) / kColumns;
  Svg svg(kLeft + static_cast<double>(columns) * (kPanelWidth + kGapX),
          kTop + static_cast<double>(lines_of_panels) * (kPanelHeight + kGapY) + kBottom);
  const Fit* any = lines.partial != nullptr ? lines.partial : lines.complete != nullptr ? lines.complete : lines.none;
  svg.text({kLeft, 20},
           fmt::format("{} of {} genera, {} rows; law: {}", shown.size(), rows.genera().size(), rows.size(),
                       any != nullptr ? any->law->name() : "none"),
           13);
  draw_legend(svg, lines);
  const Interval x = widened({rows.lowest(), rows.highest()}), y = widened(sample.range());
  for (size_t p = 0; p < shown.size(); ++p) {
    const size_t g = shown[p], column = p % kColumns, row = p / kColumns;
    LogLogPanel panel(svg,
                      {kLeft + static_cast<double>(column) * (kPanelWidth + kGapX),
                       kTop + static_cast<double>(row) * (kPanelHeight + kGapY)},
                      kPanelWidth, kPanelHeight, x, y);
    panel.frame(fmt::format("{} ({})", rows.genera()[g], rows.rows_of_genus()[g]));
    Interval heights{rows.highest(), rows.lowest()};
    for (const auto& [log_height, log_biomass] : sample.of(p)) {
      heights = {std::min(heights.low, log_height), std::max(heights.high, log_height)};
      panel.point(std::exp(log_height), std::exp(log_biomass), 1.4, "#009e73", 0.45);
    }
    draw_line(panel, lines.complete, g, heights, kComplete);
    draw_line(panel, lines.partial, g, heights, kPartial);
    draw_line(panel, lines.none, g, heights, kNone);
  }
  const double height = kTop + static_cast<double>(lines_of_panels) * (kPanelHeight + kGapY);
  svg.text({kLeft + static_cast<double>(columns) * (kPanelWidth + kGapX) / 2, height + kBottom - 12}, "height (m)", 12,
           "middle");
  svg.text({18, (kTop + height) / 2}, fmt::format("above-ground biomass ({})", options.biomass_unit), 12, "middle",
           true);
  return svg.document();
}

}  // namespace polytask
