#include "io/message_of.h"
#include "support/geotiff.h"
#include "support/shared_data.h"
#include "support/temporary_directory.h"

#include <polytask/io/raster.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <thread>

namespace polytask {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::vector<float> floats(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.contiguous();
  return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

// Equal, NaN where NaN is expected.
void expect_values(const at::Tensor& found, const at::Tensor& expected, double tolerance = 0) {
  ASSERT_EQ(found.sizes(), expected.sizes());
  EXPECT_TRUE(at::allclose(found.to(at::kDouble), expected.to(at::kDouble), 0, tolerance, true)) << found;
}

class RasterTest : public testing::Test {
 protected:
  std::string save(const std::string& name, const TestTiff& tiff) { return write_tiff(directory_.path() / name, tiff); }
  fs::path path(const std::string& name) const { return directory_.path() / name; }
  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const auto& entry : fs::directory_iterator(directory_.path())) result.push_back(entry.path().filename());
    return result;
  }
  TemporaryDirectory directory_;
};

TEST_F(RasterTest, describes_what_the_file_says) {
  TestTiff tiff{at::arange(24).view({2, 3, 4})};
  tiff.type = GDT_Int16;
  tiff.nodata = -9999;
  tiff.scale = 0.01;
  tiff.offset = 5;
  tiff.names = {"VV", "VH"};
  const RasterFile file(save("a.tif", tiff));
  EXPECT_EQ(file.grid().width, 4);
  EXPECT_EQ(file.grid().height, 3);
  EXPECT_EQ(file.grid().crs_name, "EPSG:32633");
  ASSERT_TRUE(file.grid().transform);
  EXPECT_THAT(*file.grid().transform, ElementsAre(500000, 10, 0, 6000000, 0, -10));
  ASSERT_EQ(file.bands().size(), 2U);
  EXPECT_EQ(file.bands()[1].name, "VH");
  EXPECT_EQ(file.bands()[1].type, "int16");
  EXPECT_EQ(file.bands()[1].nodata, -9999);
  EXPECT_EQ(file.band_named("VH"), 1);
  EXPECT_EQ(file.band_named("1"), 0);
}

TEST_F(RasterTest, applies_nodata_to_stored_numbers_then_scale_and_offset_once) {
  TestTiff tiff{at::tensor({-9999, 100, 200, 0, 5000, -1}, at::kDouble).view({2, 3})};
  tiff.type = GDT_Int16;
  tiff.nodata = -9999;
  tiff.scale = 0.5;
  tiff.offset = 10;
  const RasterFile file(save("a.tif", tiff));
  const RasterWindow all{0, 0, 3, 2};
  expect_values(file.read({{0}}, all), at::tensor({kNan, 60.0, 110.0, 10.0, 2510.0, 9.5}, at::kDouble).view({1, 2, 3}));
  BandReading own;
  own.nodata = 0;  // in place of the file's
  own.scale = 1;
  own.offset = 0;
  own.valid_min = -1000;
  own.valid_max = 4000;
  expect_values(file.read({own}, all), at::tensor({kNan, 100.0, 200.0, kNan, kNan, -1.0}, at::kDouble).view({1, 2, 3}));
}

TEST_F(RasterTest, float_nodata_and_numbers_that_are_not_finite_are_missing) {
  const double lowest = std::numeric_limits<float>::lowest();
  TestTiff tiff{at::tensor({lowest, 1.5, kNan, std::numeric_limits<double>::infinity()}, at::kDouble).view({2, 2})};
  tiff.nodata = -3.4028234663852886e+38;
  const RasterFile file(save("a.tif", tiff));
  expect_values(file.read({{0}}, {0, 0, 2, 2}), at::tensor({kNan, 1.5, kNan, kNan}, at::kDouble).view({1, 2, 2}));
}

TEST_F(RasterTest, reads_any_window_of_any_layout) {
  const at::Tensor values = at::arange(3 * 70 * 50, at::kFloat).view({3, 70, 50});
  for (const auto& creation :
       std::vector<std::vector<std::string>>{{"BLOCKYSIZE=1"},
                                             {"INTERLEAVE=PIXEL", "BLOCKYSIZE=6"},
                                             {"INTERLEAVE=BAND", "COMPRESS=DEFLATE", "PREDICTOR=3"},
                                             {"TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=32"}}) {
    TestTiff tiff{values};
    tiff.creation = creation;
    const RasterFile file(save("a.tif", tiff));
    expect_values(file.read({{2}, {0}}, {7, 11, 40, 59}),
                  at::stack({values[2], values[0]}).slice(1, 11, 70).slice(2, 7, 47));
    EXPECT_EQ(floats(file.read({{1}}, {49, 69, 1, 1})), floats(values[1][69][49].view({1})));
  }
}

TEST_F(RasterTest, the_files_own_mask_is_heeded) {
  CPLSetConfigOption("GDAL_TIFF_INTERNAL_MASK", "YES");
  const auto file_path = save("a.tif", {at::ones({1, 2, 2})});
  {
    GDALDatasetUniquePtr dataset(GDALDataset::Open(file_path.c_str(), GDAL_OF_RASTER | GDAL_OF_UPDATE));
    dataset->CreateMaskBand(GMF_PER_DATASET);
    std::vector<uint8_t> mask = {255, 0, 255, 255};
    ASSERT_EQ(dataset->GetRasterBand(1)->GetMaskBand()->RasterIO(GF_Write, 0, 0, 2, 2, mask.data(), 2, 2, GDT_Byte, 0,
                                                                 0, nullptr),
              CE_None);
  }
  CPLSetConfigOption("GDAL_TIFF_INTERNAL_MASK", nullptr);
  expect_values(RasterFile(file_path).read({{0}}, {0, 0, 2, 2}),
                at::tensor({1.0, kNan, 1.0, 1.0}, at::kDouble).view({1, 2, 2}));
}

TEST_F(RasterTest, a_mask_of_each_band_is_heeded) {
  const auto file_path = save("a.tif", {at::ones({2, 2, 2})});
  {
    GDALDatasetUniquePtr dataset(GDALDataset::Open(file_path.c_str(), GDAL_OF_RASTER | GDAL_OF_UPDATE));
    for (int b = 1; b <= 2; ++b) {
      GDALRasterBand& band = *dataset->GetRasterBand(b);
      ASSERT_EQ(band.CreateMaskBand(0), CE_None);
      std::vector<uint8_t> mask = {255, 255, 255, 255};
      mask[static_cast<size_t>(b)] = 0;
      ASSERT_EQ(band.GetMaskBand()->RasterIO(GF_Write, 0, 0, 2, 2, mask.data(), 2, 2, GDT_Byte, 0, 0, nullptr),
                CE_None);
    }
  }
  expect_values(RasterFile(file_path).read({{0}, {1}}, {0, 0, 2, 2}),
                at::tensor({1.0, kNan, 1.0, 1.0, 1.0, 1.0, kNan, 1.0}, at::kDouble).view({2, 2, 2}));
}

TEST_F(RasterTest, a_mask_stands_beside_nodata) {
  save("mask.tif", {at::tensor({255, 0, 255, 255}).view({2, 2}), GDT_Byte});
  save("a.tif", {at::tensor({1, 2, -9999, 4}).view({2, 2})});
  std::ofstream(path("a.vrt"))
      << R"(<VRTDataset rasterXSize="2" rasterYSize="2"><VRTRasterBand dataType="Float32" band="1">)"
      << R"(<NoDataValue>-9999</NoDataValue><SimpleSource><SourceFilename relativeToVRT="1">a.tif</SourceFilename>)"
      << R"(<SourceBand>1</SourceBand></SimpleSource><MaskBand><VRTRasterBand dataType="Byte"><SimpleSource>)"
      << R"(<SourceFilename relativeToVRT="1">mask.tif</SourceFilename><SourceBand>1</SourceBand></SimpleSource>)"
      << R"(</VRTRasterBand></MaskBand></VRTRasterBand></VRTDataset>)";
  expect_values(RasterFile(path("a.vrt")).read({{0}}, {0, 0, 2, 2}),
                at::tensor({1.0, kNan, kNan, 4.0}, at::kDouble).view({1, 2, 2}));
}

TEST_F(RasterTest, the_cache_grows_with_what_is_read_together_and_shrinks_again) {
  TestTiff strips{at::zeros({2, 100, 50})};
  strips.creation = {"BLOCKYSIZE=10"};
  const RasterFile first(save("a.tif", strips)), second(save("b.tif", strips));
  TestTiff tiled = strips;
  tiled.creation = {"TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16"};
  const RasterFile tiles(save("c.tif", tiled));
  const int64_t bytes_of_row = 2 * 50 * 4;
  EXPECT_EQ(first.strip_bytes(25), 35 * bytes_of_row);  // a strip more, as they may begin before the rows
  EXPECT_EQ(first.strip_bytes(1000), 100 * bytes_of_row);
  EXPECT_EQ(tiles.strip_bytes(25), 0);
  const auto usual = GDALGetCacheMax64();
  for (int scene = 0; scene < 3; ++scene) {
    const RasterRowCache cache({&first, &second, &first, &tiles}, 25);
    EXPECT_EQ(GDALGetCacheMax64(), usual + 2 * 35 * bytes_of_row);
  }
  EXPECT_EQ(GDALGetCacheMax64(), usual);
}

TEST_F(RasterTest, many_threads_read_more_files_than_stay_open) {
  const auto handles = std::make_shared<RasterHandles>(2);
  std::vector<RasterFile> files;
  for (int i = 0; i < 6; ++i) files.emplace_back(save(std::to_string(i) + ".tif", {at::full({1, 40, 40}, i)}), handles);
  std::vector<int> wrong(8, 0);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < wrong.size(); ++t)
    threads.emplace_back([&, t] {
      for (size_t k = 0; k < 60; ++k) {
        const size_t i = (t + k) % files.size();
        const at::Tensor read = files[i].read({{0}}, {static_cast<int64_t>(k % 8), 0, 32, 40});
        if (!read.eq(static_cast<double>(i)).all().item<bool>()) ++wrong[t];
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(wrong, testing::Each(0));
}

TEST_F(RasterTest, broken_files_name_themselves) {
  EXPECT_THAT(message_of([&] { RasterFile file(path("no.tif")); }), HasSubstr("no.tif: no such file"));
  std::ofstream(path("text.tif")) << "this is a text";
  EXPECT_THAT(message_of([&] { RasterFile file(path("text.tif")); }),
              HasSubstr("text.tif: cannot be read as a raster"));
  TestTiff tiff{at::rand({1, 200, 200})};
  tiff.creation = {"BLOCKYSIZE=1"};
  const auto broken = save("broken.tif", tiff);
  truncate_file(broken);
  const auto message = message_of([&] { RasterFile(broken).read({{0}}, {0, 0, 200, 200}); });
  EXPECT_THAT(message, HasSubstr("broken.tif: "));
  EXPECT_THAT(message, HasSubstr("cannot be read"));
}

TEST_F(RasterTest, what_does_not_exist_is_said) {
  const RasterFile file(save("a.tif", {at::ones({2, 5, 5})}));
  EXPECT_THAT(message_of([&] { file.band_named("3"); }),
              AllOf(HasSubstr("a.tif: there is no band \"3\""), HasSubstr("2 bands")));
  EXPECT_THAT(message_of([&] { (void)file.read({{0}}, {3, 0, 3, 5}); }), HasSubstr("not inside the raster of 5 × 5"));
}

RasterProduct product_like(const RasterGrid& grid) {
  RasterProduct product;
  product.grid = grid;
  product.bands.resize(1);
  product.bands[0].name = "height";
  product.bands[0].unit = "m";
  product.nodata = -9999;
  return product;
}

TEST_F(RasterTest, a_product_keeps_place_units_and_missing_pixels) {
  const RasterFile like(save("a.tif", {at::ones({1, 300, 290})}));
  RasterProduct product = product_like(like.grid());
  product.metadata = {{"CLASS_0", "Acer"}};
  product.block = 64;
  at::Tensor values = at::rand({1, 300, 290});
  values.slice(1, 10, 20).slice(2, 0, 100).fill_(kNan);
  fs::create_directories(path("out"));
  {
    RasterWriter writer(path("out/height.tif"), product);
    for_each_window(like.grid(), 128, 64, [&](const RasterWindow& w) {
      writer.write(values.slice(1, w.y, w.y + w.height).slice(2, w.x, w.x + w.width), w.x, w.y);
    });
    writer.complete();
    EXPECT_FALSE(fs::exists(path("out/height.tif")));
    writer.publish();
  }
  const RasterFile written(path("out/height.tif"));
  EXPECT_EQ(written.grid().crs_name, "EPSG:32633");
  EXPECT_EQ(written.grid().transform, like.grid().transform);
  EXPECT_EQ(written.bands()[0].name, "height");
  EXPECT_EQ(written.bands()[0].unit, "m");
  EXPECT_EQ(written.bands()[0].nodata, -9999);
  expect_values(written.read({{0}}, {0, 0, 290, 300}), values);
  check_coregistered({{"a", like.grid()}, {"b", written.grid()}}, "test");
  EXPECT_EQ(std::distance(fs::directory_iterator(path("out")), fs::directory_iterator()), 1);  // no side file
  GDALDatasetUniquePtr dataset(GDALDataset::Open(path("out/height.tif").c_str()));
  EXPECT_STREQ(dataset->GetMetadataItem("CLASS_0"), "Acer");
  EXPECT_STREQ(dataset->GetMetadataItem("COMPRESSION", "IMAGE_STRUCTURE"), "DEFLATE");
}

TEST_F(RasterTest, whole_numbers_are_stored_as_such) {
  RasterGrid grid;
  grid.width = grid.height = 2;
  for (const auto* type : {"uint8", "uint16"}) {
    RasterProduct product = product_like(grid);
    product.type = type;
    product.nodata = 255;
    RasterWriter writer(path("c.tif"), product);
    writer.write(at::tensor({0.0, 3.0, kNan, 7.0}, at::kDouble).view({1, 2, 2}), 0, 0);
    writer.complete();
    writer.publish();
    const RasterFile file(path("c.tif"));
    EXPECT_EQ(file.bands()[0].type, type);
    EXPECT_EQ(file.grid().crs, "");
    EXPECT_FALSE(file.grid().transform);
    expect_values(file.read({{0}}, {0, 0, 2, 2}), at::tensor({0.0, 3.0, kNan, 7.0}, at::kDouble).view({1, 2, 2}));
  }
}

TEST_F(RasterTest, an_unfinished_product_leaves_nothing) {
  std::ofstream(path("height.tif")) << "old";
  {
    RasterGrid grid;
    grid.width = grid.height = 2000;
    RasterWriter writer(path("height.tif"), product_like(grid));
    writer.write(at::rand({1, 256, 256}), 0, 0);
  }
  EXPECT_THAT(names(), ElementsAre("height.tif"));
  EXPECT_EQ(fs::file_size(path("height.tif")), 3U);
}

TEST_F(RasterTest, a_product_that_can_not_be_written_says_where) {
  RasterGrid grid;
  grid.width = grid.height = 2;
  EXPECT_THAT(message_of([&] { RasterWriter writer(path("no/such/folder.tif"), product_like(grid)); }),
              HasSubstr("no/such/folder.tif: cannot be written"));
  EXPECT_THAT(message_of([&] { RasterWriter writer(directory_.path(), product_like(grid)); }),
              HasSubstr("is a directory"));
}

class CoregistrationTest : public RasterTest {
 protected:
  RasterGrid grid_of(const std::string& name, const TestTiff& tiff) { return RasterFile(save(name, tiff)).grid(); }
  TestTiff plain() { return {at::zeros({1, 10, 20})}; }
  std::string differences(const TestTiff& other, bool size_only = false) {
    return message_of([&] {
      check_coregistered({{"image", grid_of("i.tif", plain())},
                          {"height", grid_of("h.tif", plain())},
                          {"genus", grid_of("g.tif", other)}},
                         "scene a", size_only);
    });
  }
};

TEST_F(CoregistrationTest, alike_but_for_rounding) {
  TestTiff other = plain();
  (*other.transform)[0] += 0.05;  // half a hundredth of a pixel
  EXPECT_EQ(differences(other), "(no error)");
}

TEST_F(CoregistrationTest, each_difference_is_said_of_the_right_layer) {
  TestTiff other{at::zeros({1, 10, 21})};
  EXPECT_THAT(differences(other), AllOf(HasSubstr("scene a: "), HasSubstr("genus has 21 × 10 pixels, not 20 × 10"),
                                        testing::Not(HasSubstr("height"))));
  EXPECT_THAT(differences(other, true), HasSubstr("21 × 10"));
  other = plain();
  (*other.transform)[3] += 10;
  EXPECT_THAT(differences(other), HasSubstr("genus has origin (500000, 6000010), pixels of 10 × 10, not origin"));
  EXPECT_EQ(differences(other, true), "(no error)");
  other = plain();
  other.epsg = 32634;
  EXPECT_THAT(differences(other), HasSubstr("genus has EPSG:32634, not EPSG:32633"));
  other.epsg = 0;
  EXPECT_THAT(differences(other), HasSubstr("genus has no CRS, not EPSG:32633"));
}

TEST_F(CoregistrationTest, pixel_size_counts_by_what_it_moves) {
  TestTiff other = plain();
  (*other.transform)[1] = 10.1;  // the right edge moves by 20 · 0.1 m
  EXPECT_THAT(differences(other), HasSubstr("pixels of 10.1 × 10"));
}

TEST(RasterWindows, cover_every_pixel_once) {
  RasterGrid grid;
  grid.width = 7;
  grid.height = 5;
  at::Tensor seen = at::zeros({5, 7});
  for_each_window(grid, 3, 2, [&](const RasterWindow& w) {
    seen.slice(0, w.y, w.y + w.height).slice(1, w.x, w.x + w.width).add_(1);
  });
  EXPECT_TRUE(seen.eq(1).all().item<bool>());
}

TEST(RealRasters, real_chips_and_tiles) {
  const fs::path chips = shared_path("data/dense/biomassters_sample"),
                 tiles = shared_path("data/dense/neon_height_genus_biomass/examples");
  if (!fs::exists(chips) || !fs::exists(tiles)) GTEST_SKIP() << "no " << chips << " and " << tiles;
  const RasterFile chip(chips / "raw/288afc34_S1_00.tif");
  EXPECT_EQ(chip.bands().size(), 4U);
  EXPECT_EQ(chip.grid().crs, "");
  EXPECT_FALSE(chip.bands()[0].nodata);
  const RasterFile biomass(chips / "raw/288afc34_agbm.tif");
  const at::Tensor whole = biomass.read({{0}}, {0, 0, 256, 256});
  EXPECT_GT(whole.max().item<float>(), 100);
  expect_values(biomass.read({{0}}, {30, 40, 64, 17}), whole.slice(1, 40, 57).slice(2, 30, 94));
  const RasterFile tile(tiles / "BART_patch_00024.tif");
  EXPECT_EQ(tile.grid().crs_name, "EPSG:32618");
  const at::Tensor bands = tile.read({{0}, {1}, {2}}, {0, 0, 100, 100});
  const double labelled = bands.isfinite().to(at::kDouble).mean().item<double>();
  EXPECT_GT(labelled, 0);
  EXPECT_LT(labelled, 0.02);  // almost every pixel is nodata
}

}  // namespace
}  // namespace polytask
