#pragma once
#include <polytask/core/error.h>
#include <polytask/core/options.h>
#include <polytask/core/tensors.h>
#include <polytask/io/json.h>
#include <polytask/io/safetensors.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace polytask::golden {

/// One folder of reference numbers: what case.json says, inputs, weights and expected tensors by name.
struct Case {
  std::filesystem::path folder;
  Node description;
  NamedTensors input, weights, expected;
};

inline const Node& member(const Node& node, const std::string& key) {
  const Node* found = node.find(key);
  if (found == nullptr) throw InputError("case.json lacks \"{}\"", key);
  return *found;
}
inline const Node& config(const Case& golden, const std::string& key) {
  return member(member(golden.description, "config"), key);
}

inline std::vector<int64_t> integers(const Node& list) {
  std::vector<int64_t> result;
  for (const auto& item : list.items()) result.push_back(integer_of(item));
  return result;
}
inline std::vector<std::string> texts(const Node& list) {
  std::vector<std::string> result;
  for (const auto& item : list.items()) result.push_back(item.text());
  return result;
}

inline bool starts_with(const std::string& text, const std::string& prefix) { return text.rfind(prefix, 0) == 0; }

/// Whether a case is of that model or of a variant of it ("ple", "ple_bottleneck"), whatever its folder is called.
inline bool is_model(const Node& description, const std::string& name) {
  const std::string model = description.text_or("model", "");
  return model == name || starts_with(model, name + "_");
}

inline NamedTensors tensors_of(const std::filesystem::path& path) {
  return std::filesystem::exists(path) ? read_safetensors(path).tensors : NamedTensors{};
}
inline Case read_case(const std::filesystem::path& folder) {
  return {folder, read_json_file(folder / "case.json"), tensors_of(folder / "input.safetensors"),
          tensors_of(folder / "weights.safetensors"), tensors_of(folder / "expected.safetensors")};
}

}  // namespace polytask::golden
