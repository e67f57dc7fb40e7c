#include <polytask/core/error.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/image.h>
#include <polytask/io/image_check.h>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <ATen/ops/from_blob.h>

namespace polytask {
namespace {

cv::Mat decode(const std::string& bytes, int64_t channels, const std::string& name) {
  const int colour = channels == 1 ? cv::IMREAD_GRAYSCALE : cv::IMREAD_COLOR;
  const cv::Mat view(1, static_cast<int>(bytes.size()), CV_8UC1, const_cast<char*>(bytes.data()));
  cv::Mat image = cv::imdecode(view, colour | cv::IMREAD_ANYDEPTH);
  if (image.empty())
    throw InputError("{}: no image that can be read (broken, or not PNG, JPEG, TIFF, BMP, WebP, …)", name);
  if (image.depth() == CV_16U)
    image.convertTo(image, CV_32F, 255.0 / 65535.0);
  else if (image.depth() != CV_8U)
    throw InputError("{}: neither 8 nor 16 bits a channel; read such files as rasters or arrays", name);
  if (channels == 3) cv::cvtColor(image, image, cv::COLOR_BGR2RGB);
  return image;
}

cv::Mat resized(const cv::Mat& image, const std::vector<int64_t>& size) {
  const int height = static_cast<int>(size[0]), width = static_cast<int>(size[1]);
  if (height == image.rows && width == image.cols) return image;
  const bool smaller = height <= image.rows && width <= image.cols;
  cv::Mat result;
  cv::resize(image, result, cv::Size(width, height), 0, 0, smaller ? cv::INTER_AREA : cv::INTER_LINEAR);
  return result;
}

at::Tensor to_tensor(cv::Mat image) {
  if (!image.isContinuous()) image = image.clone();
  const at::ScalarType type = image.depth() == CV_8U ? at::kByte : at::kFloat;
  const at::Tensor pixels = at::from_blob(image.data, {image.rows, image.cols, image.channels()}, type);
  return pixels.permute({2, 0, 1}).clone(at::MemoryFormat::Contiguous);
}

}  // namespace

at::Tensor read_image(const std::filesystem::path& path, int64_t channels, const std::vector<int64_t>& size) try {
  constexpr int64_t kLongestSide = 1 << 15;
  if (channels != 1 && channels != 3)
    throw InputError("{}: images are read with 1 or 3 channels, not {}", path.string(), channels);
  const bool fine =
      size.size() == 2 && size[0] > 0 && size[1] > 0 && size[0] <= kLongestSide && size[1] <= kLongestSide;
  if (!size.empty() && !fine)
    throw InputError("{}: an image size is [height, width], both from 1 to {}", path.string(), kLongestSide);
  const cv::Mat image = decode(checked_image(read_file(path), path.string()), channels, path.string());
  return to_tensor(size.empty() ? image : resized(image, size));
} catch (const cv::Exception& error) {
  throw InputError("{}: no image that can be read: {}", path.string(), error.err);
}

void write_png(const std::filesystem::path& path, const at::Tensor& image) try {
  const bool fine = image.defined() && image.scalar_type() == at::kByte && image.dim() == 3 && image.numel() > 0 &&
                    (image.size(0) == 1 || image.size(0) == 3);
  if (!fine) throw InputError("{}: a PNG is written from uint8 [1 or 3, height, width]", path.string());
  at::Tensor pixels = image.detach().cpu().permute({1, 2, 0});
  if (image.size(0) == 3) pixels = pixels.flip({2});
  pixels = pixels.contiguous();
  const cv::Mat view(static_cast<int>(pixels.size(0)), static_cast<int>(pixels.size(1)),
                     image.size(0) == 3 ? CV_8UC3 : CV_8UC1, pixels.data_ptr());
  std::vector<unsigned char> encoded;
  if (!cv::imencode(".png", view, encoded)) throw InputError("{}: cannot be encoded as PNG", path.string());
  write_file_atomically(path, std::string(encoded.begin(), encoded.end()));
} catch (const cv::Exception& error) {
  throw InputError("{}: cannot be encoded as PNG: {}", path.string(), error.err);
}

}  // namespace polytask
