#pragma once
#include <polytask/data/source.h>
#include <polytask/data/sources/idx.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

class Random;

struct MultiMnistOptions {
  IdxOptions digits;  // its options stand directly in the section
  int64_t samples = 0, test_samples = 0;
  int64_t canvas = 36;
  int64_t offset = 6;
  int64_t max_shift = 0;
  int64_t size = 28;
  bool different = false;
  int64_t seed = -1;
  void fields(Fields& f);
};

/// MultiMNIST: two digits of IDX files on one canvas, the left one at the top left, the right one `offset` pixels below
/// and to the right of it; where they overlap the brighter pixel counts. Input `image` [1, S, S] in bytes; columns
/// `left` and `right`, the two labels. Training samples are made of training digits alone, test samples of test digits
/// alone. Every sample is a pure function of (seed, part, number of the sample), drawn and rendered when it is read:
/// pictures are not kept. The left digits are a permutation of the part's digits (again and again, where
/// there are more samples than digits), the right ones are drawn. Opened for prediction, the paths are IDX files of
/// ready pictures.
///
/// Sources: Sabour, Frosst, Hinton, NeurIPS 2017 (two digits in 36 × 36 pixels; `different: true`, and `offset: 4,
/// max_shift: 4` for its range of places); Sener, Koltun, NeurIPS 2018 (left and right as two tasks; their code's
/// layout, sizes and nearest-pixel resizing are the defaults).
class MultiMnistSource : public Source {
 public:
  /// Throws InputError for what IdxSource refuses, a canvas too small for the digits, `test_samples` without test
  /// files, a part without digits, and `different` where all digits of a part are the same.
  MultiMnistSource(const MultiMnistOptions& options, const OpenRequest& request);

  int64_t size() const override { return train_.samples + test_.samples; }
  Part part(int64_t row) const override { return row < train_.samples ? Part::train : Part::test; }
  std::vector<std::string> column_names() const override { return {"left", "right"}; }
  Column column(const std::string& name) const override;
  std::vector<InputSpec> inputs() const override { return {spec_}; }
  at::Tensor read(int64_t input, c10::ArrayRef<int64_t> rows) const override;
  std::vector<Preprocess> fit(const std::vector<int64_t>& train_rows) override;
  bool scales_by_rows(int64_t) const override { return options_.digits.normalize.by_rows(); }
  std::string row_name(int64_t row) const override;
  std::vector<std::pair<std::string, std::string>> fingerprints() const override;

 private:
  // The digits of one part, as rows of `digits_`.
  struct Pool {
    std::string name;
    int64_t samples = 0;
    std::vector<int64_t> left;      // in the order of their use as left digits
    std::vector<int64_t> by_label;  // where right digits must differ: sorted by label
  };
  struct Place {
    int64_t digit = 0, y = 0, x = 0;  // row of `digits_`, and its corner on the canvas
  };
  struct Sample {
    Place left, right;
  };

  Pool make_pool(const std::string& name, int64_t begin, int64_t end, int64_t samples) const;
  void check_canvas() const;
  Sample draw(int64_t row) const;
  int64_t draw_other(const Pool& pool, double label, Random& random) const;
  void render(const Sample& sample, const uint8_t* left, const uint8_t* right, uint8_t* out) const;

  MultiMnistOptions options_;
  uint64_t seed_;
  IdxSource digits_;
  int64_t height_ = 0, width_ = 0;  // of a digit
  std::vector<double> labels_;      // of the digits
  Pool train_, test_;
  InputSpec spec_;
};

}  // namespace polytask
