#pragma once
#include <polytask/data/source.h>

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

namespace polytask {

enum class TargetKind { classes, binary, real };
class DenseLabels;

/// What a task asks of the data. An expression is a column name, or a column with one operation:
/// `label mod 2`, `label div 10`, `income == >50K`, `age >= 40` (==, !=, <, <=, >, >=, giving 0/1). Operations stand
/// between spaces; a text may be quoted; mod and div round towards −∞; a missing value stays missing.
struct TargetRequest {
  std::string task;
  TargetKind kind = TargetKind::classes;
  std::vector<std::string> expressions;  ///< one for classes; K for binary and real
  std::vector<std::string>
      class_names;      ///< given, or empty: collected from the data (numbers in order, then texts sorted)
  int64_t classes = 0;  ///< number of classes where integer labels are class indices; 0: as named or found
  bool dense = false;   ///< a label per pixel: the expression is the name of one of the source's layers
};

/// All targets of one task. N rows of the source.
struct Targets {
  at::Tensor values;                     ///< long [N] or float32 [N, K]; anything where invalid (0); undefined: dense
  at::Tensor valid;                      ///< bool [N] or [N, K]; undefined: everything is labelled
  std::vector<std::string> class_names;  ///< for classes
  std::vector<std::string> units;        ///< for real, one per expression, "" where unknown
  std::shared_ptr<const DenseLabels> dense;  ///< labels per pixel, read when needed; `valid` is then bool [N]
  int64_t rows() const;
};

/// Classes: a label is looked up among `class_names`; a numeric column whose class names are not all numbers, and
/// integer labels where `classes` is given without names, hold class indices instead. Throws InputError naming row,
/// column and value: a class index out of range, a label that is no known class, a class label with a fraction, a
/// binary value other than 0 and 1, a text where a number is needed, an infinite number. A NaN is a missing label; a
/// source whose files can tell a NaN from a missing value refuses it in `column()`.
Targets encode_targets(const Source& source, const TargetRequest& request);

/// The column an expression reads.
std::string column_of(const std::string& expression);

}  // namespace polytask
