#include <polytask/core/error.h>
#include <polytask/core/random.h>
#include <polytask/core/suggest.h>
#include <polytask/data/sources/multi_mnist.h>
#include <polytask/data/sources/sources.h>

#include <fmt/format.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <memory>
#include <numeric>

namespace polytask {
namespace {

constexpr int64_t kFittedRows = 60000;

OpenRequest for_digits(const OpenRequest& request) {
  OpenRequest own;
  own.seed = request.seed;
  return own;
}

// A digit's pixel at (y, x) of the canvas, 0 beside it.
uint8_t pixel(const uint8_t* digit, int64_t height, int64_t width, int64_t y, int64_t x) {
  return y >= 0 && y < height && x >= 0 && x < width ? digit[y * width + x] : 0;
}

}  // namespace

void MultiMnistOptions::fields(Fields& f) {
  digits.fields(f);
  f.field("samples", samples, "number of training samples; 0: as many as there are training digits", between(0, 1e8));
  f.field("test_samples", test_samples, "number of test samples; 0: as many as there are test digits", between(0, 1e8));
  f.field("canvas", canvas, "height and width of the canvas both digits lie on, pixels", between(1, 2048));
  f.field("offset", offset, "how far the right digit lies below and to the right of the left one, pixels",
          between(0, 2048));
  f.field("max_shift", max_shift, "each digit is moved by 0 … this many pixels down and to the right, at random",
          between(0, 2048));
  f.field("size", size, "height and width the canvas is resized to (nearest pixel); 0: as it is", between(0, 2048));
  f.field("different", different, "the two digits of a sample always differ");
  f.field("seed", seed, "what the samples are drawn from; -1: the experiment's seed", at_least(-1));
}

MultiMnistSource::MultiMnistSource(const MultiMnistOptions& options, const OpenRequest& request)
    : options_(options),
      seed_(options.seed < 0 ? request.seed : static_cast<uint64_t>(options.seed)),
      digits_(options.digits, for_digits(request)) {
  const auto shape = digits_.inputs()[0].shape;
  height_ = shape[1];
  width_ = shape[2];
  check_canvas();
  labels_ = digits_.column("label").numbers;
  const bool tested = digits_.train_size() < digits_.size();
  if (!tested && options_.test_samples > 0)
    throw InputError("data.test_samples: there are no test digits: give t10k-images and t10k-labels as well");
  train_ = make_pool("train", 0, digits_.train_size(), options_.samples);
  if (tested) test_ = make_pool("test", digits_.train_size(), digits_.size(), options_.test_samples);
  const int64_t side = options_.size > 0 ? options_.size : options_.canvas;
  spec_.name = "image";
  spec_.shape = {1, side, side};
}

void MultiMnistSource::check_canvas() const {
  const int64_t least = options_.offset + options_.max_shift + std::max(height_, width_);
  if (options_.canvas < least)
    throw InputError(
        "data.canvas: {} pixels do not hold digits of {} × {} with offset {} and max_shift {}: must be ≥ {}",
        options_.canvas, height_, width_, options_.offset, options_.max_shift, least);
}

MultiMnistSource::Pool MultiMnistSource::make_pool(const std::string& name, int64_t begin, int64_t end,
                                                   int64_t samples) const {
  if (begin == end) throw InputError("data: there are no {} digits: the IDX file of their images is empty", name);
  Pool pool;
  pool.name = name;
  pool.samples = samples > 0 ? samples : end - begin;
  pool.left = Random(seed_, "multi_mnist/left/" + name).permutation(end - begin);
  for (int64_t& digit : pool.left) digit += begin;
  if (!options_.different) return pool;
  const auto label = [this](int64_t digit) { return labels_[static_cast<size_t>(digit)]; };
  pool.by_label.resize(pool.left.size());
  std::iota(pool.by_label.begin(), pool.by_label.end(), begin);
  std::stable_sort(pool.by_label.begin(), pool.by_label.end(),
                   [&](int64_t a, int64_t b) { return label(a) < label(b); });
  if (label(pool.by_label.front()) == label(pool.by_label.back()))
    throw InputError("data.different: all {} digits are {}: there are no two that differ", name,
                     label(pool.by_label.front()));
  return pool;
}

Column MultiMnistSource::column(const std::string& name) const {
  const bool left = name == "left";
  if (!left && name != "right")
    throw InputError("multi_mnist: unknown column \"{}\"{}", name, did_you_mean(name, column_names()));
  Column column;
  column.numbers.reserve(static_cast<size_t>(size()));
  for (int64_t row = 0; row < size(); ++row) {
    const Sample sample = draw(row);
    column.numbers.push_back(labels_[static_cast<size_t>(left ? sample.left.digit : sample.right.digit)]);
  }
  return column;
}

MultiMnistSource::Sample MultiMnistSource::draw(int64_t row) const {
  const Pool& pool = row < train_.samples ? train_ : test_;
  const int64_t number = row < train_.samples ? row : row - train_.samples;
  const auto digits = static_cast<int64_t>(pool.left.size());
  Random random(seed_, fmt::format("multi_mnist/{}/{}", pool.name, number));
  const auto shift = [&](int64_t corner) { return corner + random.below(options_.max_shift + 1); };
  Sample sample;
  sample.left.digit = pool.left[static_cast<size_t>(number % digits)];
  sample.right.digit = options_.different ? draw_other(pool, labels_[static_cast<size_t>(sample.left.digit)], random)
                                          : pool.left[static_cast<size_t>(random.below(digits))];
  for (Place* place : {&sample.left, &sample.right}) {
    const int64_t corner = place == &sample.left ? 0 : options_.offset;
    place->y = shift(corner);
    place->x = shift(corner);
  }
  return sample;
}

// A digit of the pool, each as likely as any other, that is no `label`.
int64_t MultiMnistSource::draw_other(const Pool& pool, double label, Random& random) const {
  const auto& digits = pool.by_label;
  const auto key = [this](int64_t digit) { return labels_[static_cast<size_t>(digit)]; };
  const auto begin =
      std::lower_bound(digits.begin(), digits.end(), label, [&](int64_t d, double value) { return key(d) < value; });
  const auto end =
      std::upper_bound(begin, digits.end(), label, [&](double value, int64_t d) { return value < key(d); });
  const int64_t drawn = random.below(static_cast<int64_t>(digits.size()) - (end - begin));
  return digits[static_cast<size_t>(drawn < begin - digits.begin() ? drawn : drawn + (end - begin))];
}

void MultiMnistSource::render(const Sample& sample, const uint8_t* left, const uint8_t* right, uint8_t* out) const {
  const int64_t side = spec_.shape[1];
  const auto on_canvas = [&](int64_t at) { return (2 * at + 1) * options_.canvas / (2 * side); };
  for (int64_t row = 0; row < side; ++row) {
    const int64_t y = on_canvas(row);
    for (int64_t column = 0; column < side; ++column) {
      const int64_t x = on_canvas(column);
      *out++ = std::max(pixel(left, height_, width_, y - sample.left.y, x - sample.left.x),
                        pixel(right, height_, width_, y - sample.right.y, x - sample.right.x));
    }
  }
}

at::Tensor MultiMnistSource::read(int64_t, c10::ArrayRef<int64_t> rows) const {
  const auto count = static_cast<int64_t>(rows.size());
  std::vector<Sample> samples;
  std::vector<int64_t> used;  // the left and the right digit of every sample
  for (const int64_t row : rows) {
    if (row < 0 || row >= size()) throw InputError("row {} does not exist: there are {}", row, size());
    samples.push_back(draw(row));
    used.push_back(samples.back().left.digit);
    used.push_back(samples.back().right.digit);
  }
  const at::Tensor digits = digits_.read(0, used);
  at::Tensor images = at::empty({count, 1, spec_.shape[1], spec_.shape[2]}, at::kByte);
  const auto* digit = digits.data_ptr<uint8_t>();
  auto* out = images.data_ptr<uint8_t>();
  const int64_t digit_pixels = height_ * width_, pixels = spec_.shape[1] * spec_.shape[2];
  for (int64_t i = 0; i < count; ++i)
    render(samples[static_cast<size_t>(i)], digit + 2 * i * digit_pixels, digit + (2 * i + 1) * digit_pixels,
           out + i * pixels);
  return images;
}

std::vector<Preprocess> MultiMnistSource::fit(const std::vector<int64_t>& train_rows) {
  const auto read_rows = [this](c10::ArrayRef<int64_t> rows) { return read(0, rows); };
  return {fit_normalize(options_.digits.normalize, spec_, 1.0 / 255, train_rows, read_rows, kFittedRows)};
}

std::string MultiMnistSource::row_name(int64_t row) const {
  const bool train = row < train_.samples;
  return fmt::format("multi_mnist/{}[{}]", train ? "train" : "test", train ? row : row - train_.samples);
}

std::vector<std::pair<std::string, std::string>> MultiMnistSource::fingerprints() const {
  auto result = digits_.fingerprints();
  const auto& o = options_;
  result.emplace_back(
      "multi_mnist",
      fmt::format("seed {}, {} + {} samples, canvas {}, offset {}, max_shift {}, size {}, different {}", seed_,
                  train_.samples, test_.samples, o.canvas, o.offset, o.max_shift, o.size, o.different));
  return result;
}

void register_multi_mnist(SourceRegistry& registry) {
  registry.add<MultiMnistOptions>(
      "multi_mnist",
      "Two digits of MNIST's IDX files on one picture, top left and bottom right; the columns are `left` and `right`",
      "Sabour, Frosst, Hinton, NeurIPS 2017; Sener, Koltun, NeurIPS 2018",
      [](const MultiMnistOptions& options, const OpenRequest& request) -> std::unique_ptr<Source> {
        if (request.paths.empty()) return std::make_unique<MultiMnistSource>(options, request);
        return std::make_unique<IdxSource>(options.digits, request);
      });
}

}  // namespace polytask
