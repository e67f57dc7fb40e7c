#include <polytask/core/options.h>
#include <polytask/reporting/sensitivity_report.h>
#include <polytask/reporting/svg.h>
#include <polytask/reporting/tornado_figure.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace polytask {
namespace {

using Figure = double AllometryFigures::*;

constexpr double kLeft = 170, kTop = 70, kPanelWidth = 300, kGap = 30, kRow = 18, kBetween = 8, kBottom = 40;
constexpr double kLabelSize = 10;
// Two standard errors pale, one dark; up blue, down orange (Okabe and Ito's).
constexpr const char *kUp = "#0072b2", *kUpPale = "#9ecae1", *kDown = "#d55e00", *kDownPale = "#fdc9a0";
const SvgStroke kNoStroke{"none", 0, ""};

// A change of nothing lies in the middle of a panel.
class ChangePanel {
 public:
  ChangePanel(Svg& svg, double left, double bottom, double reach)
      : svg_(svg), left_(left), bottom_(bottom), reach_(reach) {}

  double x(double change) const { return left_ + kPanelWidth / 2 * (1 + std::clamp(change / reach_, -1.0, 1.0)); }
  void frame(const std::string& title) {
    svg_.text({left_ + kPanelWidth / 2, kTop - 12}, title, 12, "middle");
    for (const double tick : ticks()) {
      svg_.line({x(tick), kTop}, {x(tick), bottom_}, {tick == 0 ? "#606060" : "#e0e0e0", tick == 0 ? 1.0 : 0.5, ""});
      svg_.text({x(tick), bottom_ + kLabelSize + 3}, number_text(tick), kLabelSize, "middle");
    }
  }
  void bar(double change, double top, double height, const std::string& colour) {
    const double from = std::min(x(0), x(change));
    svg_.rectangle({from, top}, std::abs(x(change) - x(0)), height, colour, kNoStroke);
  }
  void range(double low, double high, double y) { svg_.line({x(low), y}, {x(high), y}, {"black", 2.5, ""}); }

 private:
  // Multiples of 1, 2 or 5 times a power of ten, about two on each side.
  std::vector<double> ticks() const {
    const double power = std::pow(10, std::floor(std::log10(reach_)));
    const double share = reach_ / power, step = share >= 5 ? 2 * power : share >= 2 ? power : power / 2;
    std::vector<double> ticks;
    const auto count = static_cast<int>(std::floor(reach_ / step));
    for (int i = -count; i <= count; ++i) ticks.push_back(std::stod(fmt::format("{:.6g}", i * step)));
    return ticks;
  }

  Svg& svg_;
  double left_, bottom_, reach_;
};

double reach_of(const AllometrySensitivity& result, const std::vector<size_t>& shown, Figure figure) {
  double reach = 0;
  const auto take = [&](double value) {
    if (std::isfinite(value)) reach = std::max(reach, std::abs(value - result.fitted.*figure));
  };
  for (const size_t g : shown) {
    const auto spread = spread_of(result.genera[g].draws, figure);
    take(spread.low);
    take(spread.high);
    for (const auto& swing : result.genera[g].swings)
      for (const auto& at : swing.at) take(at.*figure);
  }
  return reach > 0 ? reach * 1.05 : 1;
}

void draw_swing(ChangePanel& panel, const ParameterSwing& swing, const AllometryFigures& fitted, Figure figure,
                double top) {
  const double half = (kRow - 4) / 2;
  const auto change = [&](size_t step) { return swing.at[step].*figure - fitted.*figure; };
  panel.bar(change(3), top + 2, half, kUpPale);
  panel.bar(change(2), top + 2, half, kUp);
  panel.bar(change(0), top + 2 + half, half, kDownPale);
  panel.bar(change(1), top + 2 + half, half, kDown);
}

void draw_panel(ChangePanel& panel, const AllometrySensitivity& result, const std::vector<size_t>& shown,
                Figure figure) {
  double top = kTop;
  for (const size_t g : shown) {
    const GenusSensitivity& genus = result.genera[g];
    const auto spread = spread_of(genus.draws, figure);
    panel.range(spread.low - result.fitted.*figure, spread.high - result.fitted.*figure, top + kRow / 2);
    for (const auto& swing : genus.swings) draw_swing(panel, swing, result.fitted, figure, top += kRow);
    top += kRow + kBetween;
  }
}

void draw_labels(Svg& svg, const AllometrySensitivity& result, const std::vector<size_t>& shown) {
  double middle = kTop + kRow / 2 + kLabelSize / 3;
  for (const size_t g : shown) {
    svg.text({10, middle}, result.genera[g].name, kLabelSize + 1);
    svg.text({kLeft - 8, middle}, "drawn", kLabelSize, "end");
    for (const auto& swing : result.genera[g].swings)
      svg.text({kLeft - 8, middle += kRow}, swing.parameter, kLabelSize, "end");
    middle += kRow + kBetween;
  }
}

void draw_legend(Svg& svg) {
  double x = kLeft;
  const auto entry = [&](const std::string& colour, const char* text) {
    svg.rectangle({x, 30}, 14, 8, colour, kNoStroke);
    svg.text({x + 18, 38}, text, kLabelSize);
    x += 70;
  };
  entry(kUp, "+1 SE");
  entry(kUpPale, "+2 SE");
  entry(kDown, "−1 SE");
  entry(kDownPale, "−2 SE");
  svg.line({x, 34}, {x + 14, 34}, {"black", 2.5, ""});
  svg.text({x + 18, 38}, "5 to 95 % of draws of the genus's parameters", kLabelSize);
}

}  // namespace

std::string tornado_figure(const AllometrySensitivity& result, size_t genera) {
  auto shown = by_influence(result);
  shown.resize(std::min(shown.size(), genera));
  const auto rows = static_cast<double>(1 + result.genera[0].swings.size());
  const double bottom = kTop + static_cast<double>(shown.size()) * (rows * kRow + kBetween);
  Svg svg(kLeft + 2 * kPanelWidth + 2 * kGap, bottom + kBottom);
  svg.text({10, 20},
           fmt::format("Which genus's parameters matter ({} of {} genera; coupling {}, {} law)", shown.size(),
                       result.genera.size(), result.coupling, result.law),
           13);
  draw_legend(svg);
  draw_labels(svg, result, shown);
  const std::string unit = result.biomass_unit.empty() ? "" : fmt::format(" ({})", result.biomass_unit);
  ChangePanel residual(svg, kLeft, bottom, reach_of(result, shown, &AllometryFigures::residual));
  residual.frame(fmt::format("change of the residual, {:.4g}", result.fitted.residual));
  draw_panel(residual, result, shown, &AllometryFigures::residual);
  if (result.compared == 0) return svg.document();
  ChangePanel rmse(svg, kLeft + kPanelWidth + kGap, bottom, reach_of(result, shown, &AllometryFigures::rmse));
  rmse.frame(fmt::format("change of the RMSE of biomass, {:.4g}{}", result.fitted.rmse, unit));
  draw_panel(rmse, result, shown, &AllometryFigures::rmse);
  return svg.document();
}

}  // namespace polytask
