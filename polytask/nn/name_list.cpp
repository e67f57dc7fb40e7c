#include <polytask/nn/name_list.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace polytask {

std::string first_ten(const std::vector<std::string>& names) {
  const auto end = names.begin() + static_cast<long>(std::min<size_t>(names.size(), 10));
  const std::string shown = fmt::format("{}", fmt::join(names.begin(), end, ", "));
  return names.size() > 10 ? fmt::format("{}, … ({} in all)", shown, names.size()) : shown;
}

std::string differences_text(const std::vector<std::string>& missing, const std::vector<std::string>& unexpected,
                             const std::vector<std::string>& mismatched) {
  std::vector<std::string> parts;
  if (!missing.empty()) parts.push_back("missing in the file: " + first_ten(missing));
  if (!unexpected.empty()) parts.push_back("unknown to the model: " + first_ten(unexpected));
  if (!mismatched.empty()) parts.push_back("of another shape: " + first_ten(mismatched));
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::string mismatch_text(const std::string& name, const at::Tensor& file, const at::Tensor& model) {
  return fmt::format("{} ([{}] in the file, [{}] in the model)", name, fmt::join(file.sizes(), ", "),
                     fmt::join(model.sizes(), ", "));
}

}  // namespace polytask
