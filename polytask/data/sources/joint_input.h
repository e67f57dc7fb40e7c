#pragma once
#include <polytask/data/source.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace polytask {

/// What several sources give under one name: the input of all their rows.
struct JointInput {
  /// How one source's samples become the joint ones.
  struct Part {
    int64_t input = -1;            ///< position among the source's inputs; −1: it has no such input
    bool as_it_is = true;          ///< nothing of what follows is needed
    std::vector<int64_t> columns;  ///< the source's column for each joint one
    /// For each joint column, the joint index of every category of the source's column (−1: other); empty: a number.
    std::vector<std::vector<double>> categories;
  };

  InputSpec spec;
  std::vector<Part> parts;  ///< one for each source

  /// A source's raw samples [B, …] as the joint input has them.
  at::Tensor convert(size_t source, const at::Tensor& raw) const;
};

/// The inputs of the sources by name, in the order in which they are first met. Pictures of one name must have one
/// shape, tables the same columns in any order; categories are the union. Throws InputError that names the two sources
/// and what differs.
std::vector<JointInput> join_inputs(const std::vector<const Source*>& sources, const std::vector<std::string>& names);

/// The same, for inputs that are given: of a trained model. A source need not have all columns' categories.
std::vector<JointInput> join_inputs_as(const std::vector<InputSpec>& specs, const std::vector<const Source*>& sources,
                                       const std::vector<std::string>& names);

/// Throws InputError where a joint input is no source's, or a source has an input that is not among them: the data are
/// others than the model was trained on.
void require_same_inputs(const std::vector<JointInput>& joined, const std::vector<const Source*>& sources,
                         const std::vector<std::string>& names);

/// One preprocessing for all sources of an input. `fitted`: each source's own, for those that have the input and
/// training rows (null otherwise); `rows` [of all sources]: training rows that have the input, which `read` gives
/// in the joint form. Where only one source is concerned, its own is taken; where all scale by their rows, figures are
/// computed over the rows of all; otherwise all must agree. Throws InputError that names who does not.
Preprocess fit_jointly(const JointInput& input, const std::vector<const Source*>& sources,
                       const std::vector<std::string>& names, const std::vector<const Preprocess*>& fitted,
                       const std::vector<int64_t>& rows, const std::function<at::Tensor(c10::ArrayRef<int64_t>)>& read);

}  // namespace polytask
