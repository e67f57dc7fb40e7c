#pragma once
#include <polytask/data/source.h>
#include <polytask/data/sources/joint_input.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

struct MultiOptions {
  Node sources;  ///< name → section of a source, with an optional split of its own; resolved when it is read
  void fields(Fields& f);
};

/// Several data sets as one: the rows of one after the other.
///
/// Inputs are the union by name; inputs of one name must be alike (join_inputs()) and get one preprocessing, fitted
/// over the training rows of all. A row whose data set lacks an input has zeros there.
///
/// Columns: those of data set `digits` as `digits.label`, missing in all other rows; and plain `label`, which has
/// the values of every data set with such a column, where they agree on what it is (numbers or texts, and the unit).
/// `data_set` is the name of the row's set (`drive.decision`, where `drive` is itself of several).
///
/// Opened for prediction, a path is `NAME=FILE`, and goes to that data set; the name may be left out where there is
/// only one.
class MultiSource : public Source {
 public:
  /// Throws InputError for no data set, a name that is no plain word, and whatever a data set's own source refuses.
  MultiSource(const MultiOptions& options, const OpenRequest& request);

  int64_t size() const override { return children_.empty() ? 0 : children_.back().end; }
  Part part(int64_t row) const override;
  std::vector<std::string> column_names() const override;
  Column column(const std::string& name) const override;
  std::string unit(const std::string& name) const override;
  std::vector<DataSetRange> data_sets() const override;
  /// Also throws InputError where inputs of one name are not alike: that may depend on exclude_from_inputs().
  std::vector<InputSpec> inputs() const override;
  at::Tensor given(int64_t input, c10::ArrayRef<int64_t> rows) const override;
  at::Tensor read(int64_t input, c10::ArrayRef<int64_t> rows) const override;
  std::vector<Preprocess> fit(const std::vector<int64_t>& train_rows) override;
  void adopt(const InputSpec& spec) override;
  bool scales_by_rows(int64_t input) const override;
  void exclude_from_inputs(const std::vector<std::string>& columns) override;
  /// "digits: train-images-idx3-ubyte[3]"
  std::string row_name(int64_t row) const override;
  std::vector<std::pair<std::string, std::string>> fingerprints() const override;

 private:
  struct Child {
    std::string name;
    Node split;
    std::unique_ptr<Source> source;
    std::vector<std::string> columns;
    int64_t begin, end;
  };
  // Rows of a batch by data set: their numbers there, and their places in the batch.
  struct Places {
    std::vector<int64_t> rows, places;
  };

  void open(const std::string& name, const Node& section, const OpenRequest& request);
  void join(const std::vector<InputSpec>& expected);
  const JointInput& joint(int64_t input) const;
  size_t child_of(int64_t row) const;
  std::vector<Places> by_child(c10::ArrayRef<int64_t> rows) const;
  std::vector<int64_t> rows_with(int64_t input, const std::vector<int64_t>& rows) const;
  std::vector<std::vector<Preprocess>> fit_children(const std::vector<int64_t>& train_rows);
  std::pair<const Child*, std::string> qualified(const std::string& name) const;
  std::vector<const Child*> with_column(const std::string& name) const;
  Column spread(const std::vector<std::pair<const Child*, Column>>& columns) const;
  Column data_set_column() const;
  std::vector<const Source*> child_sources() const;
  std::vector<std::string> child_names() const;

  std::vector<Child> children_;
  std::vector<InputSpec> expected_;  // of a trained model
  bool for_prediction_;
  std::vector<JointInput> joined_;
  std::string unlike_;  // why the inputs can not be joined
};

}  // namespace polytask
