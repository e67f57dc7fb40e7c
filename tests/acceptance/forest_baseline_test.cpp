// The made forest: what linear models reach that look at one cell at a time, and that there is more to be seen.
#include "support/pixel_baseline.h"

#include <polytask/data/sources/forest.h>
#include <polytask/data/split.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace polytask {
namespace {

class ForestBaseline : public testing::Test {
 protected:
  static constexpr int64_t kTiles = 160;

  ForestBaseline() : source_(options(), 1) {
    SplitOptions shares;
    shares.test = 0.4;
    shares.group = "scene";
    split_ = make_split(source_, shares, 1);
  }
  static ForestOptions options() {
    ForestOptions options;
    options.count = kTiles;
    return options;
  }
  PixelScores scores(int64_t window) const {
    const PixelScores found = PixelBaseline(source_, window, true).scores(split_.train, split_.test);
    fmt::print("{}\n", pixel_scores_text(window, found));
    return found;
  }

  ForestSource source_;
  Split split_;
};

TEST_F(ForestBaseline, FilteringSpeckleHelpsUntilStandsMix) {
  const PixelScores raw = scores(1), filtered = scores(5), blurred = scores(25);
  EXPECT_GT(filtered.miou, raw.miou + 0.05);
  EXPECT_GT(filtered.height_r2, raw.height_r2 + 0.05);
  EXPECT_GT(filtered.height_r2, blurred.height_r2 + 0.1);
  // Something is visible in the backscatter of single cells, but far from everything.
  EXPECT_GT(filtered.miou, 0.15);
  EXPECT_LT(filtered.miou, 0.35);
  EXPECT_GT(filtered.height_r2, 0.4);
  EXPECT_LT(filtered.height_r2, 0.75);
  EXPECT_GT(filtered.biomass_r2, 0.3);
  EXPECT_LT(filtered.biomass_r2, 0.65);
}

}  // namespace
}  // namespace polytask
