#pragma once
#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace polytask {

/// "a, b, c", or the first ten and how many there are, for messages.
std::string first_ten(const std::vector<std::string>& names);
/// "missing: a, b; unexpected: c", of those lists that are not empty.
std::string differences_text(const std::vector<std::string>& missing, const std::vector<std::string>& unexpected,
                             const std::vector<std::string>& mismatched);
/// "name ([3, 4] in the file, [3, 5] in the model)".
std::string mismatch_text(const std::string& name, const at::Tensor& file, const at::Tensor& model);

}  // namespace polytask
