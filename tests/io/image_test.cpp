#include <polytask/io/atomic_file.h>
#include <polytask/io/image.h>
#include <polytask/io/image_check.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <io/message_of.h>
#include <opencv2/imgcodecs.hpp>
#include <support/shared_data.h>
#include <support/temporary_directory.h>
#include <zlib.h>

#include <torch/types.h>

namespace polytask {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string encoded(const char* extension, const cv::Mat& image) {
  std::vector<unsigned char> bytes;
  cv::imencode(extension, image, bytes);
  return {bytes.begin(), bytes.end()};
}

cv::Mat noise(int height, int width, int type) {
  cv::Mat image(height, width, type);
  cv::theRNG().state = 7;
  cv::randu(image, 0, 256);
  return image;
}

class Image : public testing::Test {
 protected:
  std::filesystem::path file(const std::string& name, const std::string& bytes) const {
    write_file_atomically(directory_.path() / name, bytes);
    return directory_.path() / name;
  }
  std::filesystem::path path(const std::string& name) const { return directory_.path() / name; }

 private:
  TemporaryDirectory directory_;
};

TEST_F(Image, PngRoundTripOfGreyAndColour) {
  const at::Tensor colour = torch::randint(0, 256, {3, 5, 7}).to(torch::kByte);
  write_png(path("c.png"), colour);
  EXPECT_TRUE(torch::equal(read_image(path("c.png"), 3), colour));
  const at::Tensor grey = torch::randint(0, 256, {1, 5, 7}).to(torch::kByte);
  write_png(path("g.png"), grey);
  EXPECT_TRUE(torch::equal(read_image(path("g.png"), 1), grey));
  EXPECT_TRUE(torch::equal(read_image(path("g.png"), 3), grey.expand({3, 5, 7})));
  write_png(path("t.png"), colour.transpose(1, 2));
  EXPECT_TRUE(torch::equal(read_image(path("t.png"), 3), colour.transpose(1, 2)));
}

TEST_F(Image, ColoursAreRedGreenBlue) {
  const auto image = file("red.png", encoded(".png", cv::Mat(2, 2, CV_8UC3, cv::Scalar(0, 0, 255))));
  const at::Tensor red = read_image(image, 3);
  EXPECT_EQ(red[0][0][0].item<int>(), 255);
  EXPECT_EQ(red[2][0][0].item<int>(), 0);
  EXPECT_EQ(read_image(image, 1)[0][0][0].item<int>(), 76);  // 0.299 · 255
}

TEST_F(Image, SixteenBitsKeepTheirPrecision) {
  cv::Mat image(1, 4, CV_16UC1);
  for (int i = 0; i < 4; ++i)
    image.at<uint16_t>(0, i) = static_cast<uint16_t>(std::vector<int>{0, 1, 257, 65535}[static_cast<size_t>(i)]);
  const at::Tensor values = read_image(file("d.png", encoded(".png", image)), 1);
  EXPECT_EQ(values.scalar_type(), torch::kFloat);
  EXPECT_TRUE(torch::allclose(values.flatten(), torch::tensor({0.0f, 1.0f / 257, 1.0f, 255.0f}))) << values;
}

TEST_F(Image, ResizesByAreaAndBilinearly) {
  cv::Mat image(2, 4, CV_8UC1);
  for (int i = 0; i < 8; ++i) image.at<uint8_t>(i / 4, i % 4) = static_cast<uint8_t>(i * 10);
  const auto png = file("a.png", encoded(".png", image));
  const at::Tensor small = read_image(png, 1, {1, 2});
  EXPECT_TRUE(torch::equal(small, torch::tensor({25, 45}, torch::kByte).view({1, 1, 2}))) << small;
  const at::Tensor large = read_image(png, 1, {2, 8});
  EXPECT_EQ(large.sizes(), at::IntArrayRef({1, 2, 8}));
  EXPECT_NEAR(large[0][0][1].item<double>(), 2.5, 0.51);  // a quarter of the way from 0 to 10
  EXPECT_EQ(read_image(png, 3, {2, 4}).sizes(), at::IntArrayRef({3, 2, 4}));
}

TEST_F(Image, EveryTruncationOfAPngIsAnError) {
  const std::string bytes = encoded(".png", noise(6, 6, CV_8UC3));
  for (size_t length = 1; length < bytes.size(); ++length) {
    const auto message = message_of([&] { checked_image(bytes.substr(0, length), "f.png"); });
    EXPECT_THAT(message, StartsWith("f.png: truncated PNG")) << length;
  }
  const auto half = file("half.png", bytes.substr(0, bytes.size() / 2));
  EXPECT_THAT(message_of([&] { read_image(half, 3); }), HasSubstr("half.png: truncated PNG: ends inside a chunk"));
}

TEST_F(Image, CorruptPngsAreErrors) {
  const std::string bytes = encoded(".png", noise(6, 6, CV_8UC1));
  std::string flipped = bytes;
  flipped[60] = static_cast<char>(flipped[60] ^ 1);
  EXPECT_THAT(message_of([&] { checked_image(flipped, "f.png"); }), HasSubstr("the checksum of chunk IDAT is wrong"));
  std::string huge = bytes;
  huge[16] = 0x7f;  // the width
  const auto crc = crc32(0, reinterpret_cast<const Bytef*>(huge.data() + 12), 17);
  for (int i = 0; i < 4; ++i) huge[static_cast<size_t>(29 + i)] = static_cast<char>(crc >> (24 - 8 * i) & 0xff);
  EXPECT_THAT(message_of([&] { checked_image(huge, "f.png"); }), HasSubstr("at most 2^30"));
  EXPECT_THAT(message_of([&] { checked_image(bytes.substr(0, 8) + bytes.substr(33), "f.png"); }), HasSubstr("IHDR"));
  EXPECT_THAT(message_of([&] { checked_image(bytes.substr(0, 33) + bytes.substr(bytes.size() - 12), "f.png"); }),
              HasSubstr("has no IDAT chunk"));
}

TEST_F(Image, EveryTruncationOfAJpegIsAnError) {
  for (const int progressive : {0, 1}) {
    std::vector<unsigned char> encoded_bytes;
    cv::imencode(".jpg", noise(24, 24, CV_8UC3), encoded_bytes,
                 {cv::IMWRITE_JPEG_PROGRESSIVE, progressive, cv::IMWRITE_JPEG_RST_INTERVAL, 1});
    const std::string bytes(encoded_bytes.begin(), encoded_bytes.end());
    EXPECT_EQ(read_image(file("a.jpg", bytes + "bytes that cameras add"), 3).sizes(), at::IntArrayRef({3, 24, 24}));
    for (size_t length = 3; length < bytes.size(); ++length)
      EXPECT_THAT(message_of([&] { checked_image(bytes.substr(0, length), "f.jpg"); }),
                  StartsWith("f.jpg: truncated JPEG"))
          << length;
    const auto half = file("half.jpg", bytes.substr(0, bytes.size() / 2));
    EXPECT_THAT(message_of([&] { read_image(half, 3); }), HasSubstr("half.jpg: truncated JPEG"));
  }
}

TEST_F(Image, ReadsOtherFormats) {
  const cv::Mat image = noise(6, 8, CV_8UC3);
  for (const char* extension : {".tiff", ".bmp", ".webp", ".ppm"}) {
    const std::string bytes = encoded(extension, image);
    EXPECT_EQ(read_image(file("a", bytes), 3).sizes(), at::IntArrayRef({3, 6, 8})) << extension;
    const auto half = file("half", bytes.substr(0, bytes.size() / 2));
    EXPECT_THAT(message_of([&] { read_image(half, 3); }), HasSubstr("half: no image that can be read")) << extension;
  }
}

TEST_F(Image, NamesWhatIsWrong) {
  const auto png = file("a.png", encoded(".png", noise(4, 4, CV_8UC1)));
  EXPECT_THAT(message_of([&] { read_image(path("no.png"), 3); }), HasSubstr("No such file"));
  EXPECT_THAT(message_of([&] { read_image(file("e.png", ""), 3); }), HasSubstr("e.png: is empty"));
  EXPECT_THAT(message_of([&] { read_image(file("t.png", "just a text"), 3); }), HasSubstr("t.png: no image"));
  EXPECT_THAT(message_of([&] { read_image(png, 2); }), HasSubstr("1 or 3 channels, not 2"));
  EXPECT_THAT(message_of([&] { read_image(png, 1, {4}); }), HasSubstr("[height, width]"));
  EXPECT_THAT(message_of([&] { read_image(png, 1, {0, 4}); }), HasSubstr("[height, width]"));
  EXPECT_THAT(message_of([&] { read_image(file("f.tiff", encoded(".tiff", cv::Mat(4, 4, CV_32FC1, 1.0))), 1); }),
              HasSubstr("neither 8 nor 16 bits"));
  EXPECT_THAT(message_of([&] {
                write_png(path("w.png"), torch::zeros({3, 4, 4}));
              }),
              HasSubstr("uint8 [1 or 3, height, width]"));
  EXPECT_THAT(message_of([&] { write_png(path("w.png"), torch::zeros({2, 4, 4}, torch::kByte)); }), HasSubstr("uint8"));
}

TEST_F(Image, ReadsRealFiles) {
  const auto folder = shared_path("data/dense/nyuv2_sample");
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not here";
  EXPECT_EQ(read_image(folder / "metric3d_rgb_00000.jpg", 3).sizes(), at::IntArrayRef({3, 480, 640}));
  const at::Tensor depth = read_image(folder / "metric3d_depth_00000.png", 1);
  EXPECT_EQ(depth.scalar_type(), torch::kFloat);
  EXPECT_GT(depth.max().item<double>(), 0);
  EXPECT_EQ(read_image(folder / "refinenet_segm_gt_000433.png", 1, {48, 64}).sizes(), at::IntArrayRef({1, 48, 64}));
}

}  // namespace
}  // namespace polytask
