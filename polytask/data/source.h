#pragma once
#include <polytask/core/registry.h>
#include <polytask/data/input_spec.h>

#include <ATen/core/Tensor.h>
#include <c10/util/ArrayRef.h>

#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

/// Which file-given part of the data a row belongs to.
enum class Part { unspecified, train, validation, test };

/// One column of labels or other per-sample facts, whole. Missing: NaN, "".
struct Column {
  bool numeric = true;
  std::vector<double> numbers;     ///< where numeric
  std::vector<std::string> texts;  ///< where not
  int64_t size() const { return static_cast<int64_t>(numeric ? numbers.size() : texts.size()); }
  bool missing(int64_t row) const;
  /// The value as a label: integers without a fraction, texts as they are, "" where missing.
  std::string label(int64_t row) const;
};

/// A column that keeps rows together which may lie side by side, as the tiles of one scene do.
struct NeighbourGroup {
  std::string column;   ///< for data.split.group: "scene"
  std::string meaning;  ///< what a group is: "whole scenes"
};

/// One of the data sets that a source of several holds.
struct DataSetRange {
  std::string name;
  int64_t begin = 0, end = 0;                   ///< its rows: [begin, end)
  Node split;                                   ///< options of a split of its own; null: as the data section says
  std::vector<NeighbourGroup> neighbours = {};  ///< Source::neighbour_groups() of the set
  int64_t size() const { return end - begin; }
};

/// Labels per pixel that a source offers beside its columns.
struct LayerSpec {
  std::string name;                      ///< "height"
  std::vector<std::string> class_names;  ///< values are indices into these; empty: numbers
  std::string unit;                      ///< "m", or ""
};

/// One opened data set, or several: rows with inputs and columns, over all of its files. Reading is thread-safe.
class Source {
 public:
  virtual ~Source() = default;
  virtual int64_t size() const = 0;
  /// The part the files themselves assign to a row (train-images against t10k-images, `test_path`, …).
  virtual Part part(int64_t) const { return Part::unspecified; }
  virtual std::vector<std::string> column_names() const = 0;
  /// Throws InputError (with suggestion) where there is no such column.
  virtual Column column(const std::string& name) const = 0;
  /// Of a source whose rows may lie side by side, and then look alike: the columns that a split may group them by. Rows
  /// that may touch have equal values of the first. Empty: rows are no neighbours.
  virtual std::vector<NeighbourGroup> neighbour_groups() const { return {}; }
  /// A column's unit ("mm"), or "".
  virtual std::string unit(const std::string&) const { return ""; }

  virtual std::vector<InputSpec> inputs() const = 0;
  /// The data sets of a source that holds several, in the order of their rows, which they share out completely; empty:
  /// it is a single one.
  virtual std::vector<DataSetRange> data_sets() const { return {}; }
  /// Which rows have the input at position `input` at all: bool [B]; undefined: all of them. To the model, an input
  /// that a row lacks is all zeros.
  virtual at::Tensor given(int64_t input, c10::ArrayRef<int64_t> rows) const {
    (void)input;
    (void)rows;
    return {};
  }

  /// Raw samples of the input at position `input` of inputs(): [B, …], uint8 or float. Errors name the file or row.
  virtual at::Tensor read(int64_t input, c10::ArrayRef<int64_t> rows) const = 0;
  /// Labels per pixel, of the size of the image input; empty: the source has none.
  virtual std::vector<LayerSpec> layers() const { return {}; }
  /// Labels of the layer at position `layer` of layers(): float32 [B, H, W], NaN where there is none. Errors name the
  /// file or row.
  virtual at::Tensor read_layer(int64_t layer, c10::ArrayRef<int64_t> rows) const;
  /// Rows of which something could not be read when the source was opened, ascending. A source with layers that may be
  /// broken lists them, for `on_bad_sample: skip`.
  virtual std::vector<int64_t> unreadable_rows() const { return {}; }
  /// Fits what depends on the training rows (means, standard deviations, categories) and returns it, one per input.
  virtual std::vector<Preprocess> fit(const std::vector<int64_t>& train_rows) = 0;
  /// Takes the columns and categories of an input from elsewhere: after fit(), where an input of that name was fitted
  /// over several sources. For sources whose categories come from the training rows.
  virtual void adopt(const InputSpec& spec) { (void)spec; }
  /// Whether fit() takes the scaling of that input (mean and standard deviation) from the training rows, and not from
  /// options.
  virtual bool scales_by_rows(int64_t input) const {
    (void)input;
    return true;
  }

  /// Columns the tasks and splits use; called once before `inputs()`, so that no target leaks into the features.
  virtual void exclude_from_inputs(const std::vector<std::string>& columns) { (void)columns; }

  /// "adult.data:17", "img/0003.png": a row's name in messages and predictions.
  virtual std::string row_name(int64_t row) const = 0;
  /// A short digest of content (sizes and a sample of bytes, or the seed) for provenance: file → digest.
  virtual std::vector<std::pair<std::string, std::string>> fingerprints() const { return {}; }
};

/// What a source is opened for.
struct OpenRequest {
  uint64_t seed = 1;               ///< the experiment's
  std::vector<std::string> paths;  ///< empty: the configured files; otherwise these, without labels, for prediction
  std::vector<InputSpec> specs;    ///< what a trained model expects of all its inputs, if there is one

  /// The spec of the input `name`; nullptr where none is expected.
  const InputSpec* expected(const std::string& name) const;
};

using SourceRegistry = Registry<Source, const OpenRequest&>;
/// Every source, in the order of the documentation; the key that names one is `source`.
SourceRegistry& sources();

}  // namespace polytask
