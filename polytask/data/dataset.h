#pragma once
#include <polytask/data/batch.h>
#include <polytask/data/split.h>
#include <polytask/data/targets.h>
#include <polytask/data/transform.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace polytask {

/// A source with fitted preprocessing and encoded targets: makes batches of any rows, from any thread.
class Dataset {
 public:
  Dataset(std::shared_ptr<const Source> source, std::vector<Preprocess> preprocess,
          std::map<std::string, Targets> targets);

  const Source& source() const { return *source_; }
  const std::vector<Preprocess>& preprocess() const { return preprocess_; }
  const std::map<std::string, Targets>& targets() const { return targets_; }

  /// `augment` (may be empty) is applied to image inputs with `random`; what moves pixels moves those of labels along
  /// (see check_augmentation).
  Batch batch(c10::ArrayRef<int64_t> rows, const std::vector<std::unique_ptr<Transform>>& augment,
              Random& random) const;
  Batch batch(c10::ArrayRef<int64_t> rows) const;
  /// Targets and masks alone; no input is read.
  Batch labels(c10::ArrayRef<int64_t> rows) const;

 private:
  at::Tensor input(size_t index, c10::ArrayRef<int64_t> rows, at::Tensor raw) const;

  std::shared_ptr<const Source> source_;
  std::vector<Preprocess> preprocess_;
  std::map<std::string, Targets> targets_;
};

/// Why an input of a row, or a layer that one of the targets is read from, can not be read; "": all of them can.
std::string read_failure(const Source& source, const std::map<std::string, Targets>& targets, int64_t row);

/// For `on_bad_sample: skip`: takes the source's unreadable_rows() out of their parts where read_failure() finds one;
/// each is logged with the reason. Throws InputError where no training row is left.
void leave_out_unreadable(const Source& source, const std::map<std::string, Targets>& targets, Split& split);

/// Throws InputError where transforms do not suit labels per pixel: one that resamples pictures, or several image
/// inputs of which each would be moved by itself.
void check_augmentation(const Dataset& dataset, const std::vector<std::unique_ptr<Transform>>& augment);

}  // namespace polytask
