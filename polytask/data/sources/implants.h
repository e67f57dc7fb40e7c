#pragma once
#include <polytask/data/source.h>
#include <polytask/data/sources/implants_render.h>

#include <ATen/core/Tensor.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace polytask {

struct ImplantsOptions {
  int64_t count = 4000;
  int64_t size = 64;
  int64_t seed = -1;
  double blur = 0.6;
  double noise = 8;
  double rotation_deg = 12;
  double mm_per_px = 0;
  void fields(Fields& f);
};

/// Made radiographs of screw implants in bone: input `image` [1, size, size] in bytes; columns `company`, `model`
/// (texts), `diameter`, `length` (mm). The catalogue is implant_catalog(); each model is as frequent as any other, and
/// so is each of its sizes. Every sample is a pure function of (seed, row). Pictures are rendered when first read, and
/// kept. Opened for prediction, the paths are what the source `images` takes.
class ImplantsSource : public Source {
 public:
  /// Throws InputError where the longest implant would not fit the picture.
  ImplantsSource(const ImplantsOptions& options, uint64_t seed);

  int64_t size() const override { return static_cast<int64_t>(labels_.size()); }
  std::vector<std::string> column_names() const override;
  Column column(const std::string& name) const override;
  std::string unit(const std::string& column) const override;
  std::vector<InputSpec> inputs() const override;
  at::Tensor read(int64_t input, c10::ArrayRef<int64_t> rows) const override;
  std::vector<Preprocess> fit(const std::vector<int64_t>& train_rows) override;
  std::string row_name(int64_t row) const override;
  std::vector<std::pair<std::string, std::string>> fingerprints() const override;

 private:
  void render(int64_t row, uint8_t* out) const;

  ImplantPicture picture_;
  uint64_t seed_;
  std::vector<ImplantLabels> labels_;
  // Pictures made so far; empty where all of them would be too much to keep.
  std::unique_ptr<uint8_t[]> pictures_;
  mutable std::vector<std::atomic<uint8_t>> kept_;  // 0: not made, 1: being made, 2: kept
};

}  // namespace polytask
