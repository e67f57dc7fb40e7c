#include <polytask/reporting/svg.h>
#include <polytask/reporting/svg_panel.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace polytask {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Svg, texts_are_escaped_and_numbers_short) {
  Svg svg(100, 50);
  svg.text({1.23456, 2}, "a < b & \"c\"\n", 10);
  const std::string document = svg.document();
  EXPECT_THAT(document, HasSubstr("a &lt; b &amp; &quot;c&quot; <"));
  EXPECT_THAT(document, HasSubstr("x=\"1.23\""));
  EXPECT_THAT(document, HasSubstr("viewBox=\"0 0 100 50\""));
}

TEST(Svg, a_line_needs_two_points) {
  Svg svg(10, 10);
  svg.polyline({{1, 1}}, {"black", 1, ""});
  EXPECT_THAT(svg.document(), Not(HasSubstr("polyline")));
}

TEST(LogLogPanel, ticks_are_round) {
  EXPECT_EQ(logarithmic_ticks({1.2, 60}), (std::vector<double>{2, 5, 10, 20, 50}));
  EXPECT_EQ(logarithmic_ticks({0.05, 2000}), (std::vector<double>{0.1, 1, 10, 100, 1000}));
}

TEST(LogLogPanel, places_are_logarithmic_and_y_goes_up) {
  Svg svg(200, 200);
  const LogLogPanel panel(svg, {10, 20}, 100, 80, {1, 100}, {1, 10000});
  EXPECT_EQ(panel.at(1, 1), SvgPoint(10, 100));
  EXPECT_NEAR(panel.at(10, 100).first, 60, 1e-9);
  EXPECT_NEAR(panel.at(10, 100).second, 60, 1e-9);
}

TEST(LogLogPanel, nothing_is_drawn_outside_the_frame) {
  Svg svg(200, 200);
  LogLogPanel panel(svg, {0, 0}, 100, 100, {1, 10}, {1, 10});
  panel.point(20, 5, 1, "black", 1);
  EXPECT_THAT(svg.document(), Not(HasSubstr("circle")));
  panel.point(5, 5, 1, "black", 1);
  EXPECT_THAT(svg.document(), HasSubstr("circle"));
}

}  // namespace
}  // namespace polytask
