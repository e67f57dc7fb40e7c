#include "io/message_of.h"

#include <polytask/io/raster.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace polytask {
namespace {

TEST(RasterUnavailable, the_message_names_package_and_option) {
  const auto message = message_of([] { RasterFile file("scene.tif"); });
  EXPECT_THAT(message, testing::AllOf(testing::HasSubstr("scene.tif"), testing::HasSubstr("libgdal-dev"),
                                      testing::HasSubstr("-DPOLYTASK_GDAL=ON")));
  EXPECT_THAT(message_of([] { RasterWriter writer("map.tif", {}); }), testing::HasSubstr("map.tif"));
}

}  // namespace
}  // namespace polytask
