#include <polytask/core/error.h>
#include <polytask/io/json.h>
#include <polytask/io/safetensors.h>
#include <polytask/training/checkpoint.h>

namespace polytask {
namespace {
constexpr const char* kInfoKey = "polytask.checkpoint";
}

NamedTensors Checkpoint::part(const std::string& prefix) const {
  NamedTensors result;
  for (auto it = tensors.lower_bound(prefix); it != tensors.end() && it->first.rfind(prefix, 0) == 0; ++it)
    result.emplace(it->first.substr(prefix.size()), it->second);
  return result;
}

void Checkpoint::add(const std::string& prefix, const NamedTensors& part) {
  for (const auto& [name, tensor] : part) tensors[prefix + name] = tensor;
}

void save_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint) {
  write_safetensors(path, checkpoint.tensors, {{"format", "pt"}, {kInfoKey, write_json(checkpoint.info)}});
}

Checkpoint load_checkpoint(const std::filesystem::path& path) {
  auto file = read_safetensors(path);
  const auto info = file.metadata.find(kInfoKey);
  if (info == file.metadata.end())
    throw InputError("{}: is a safetensors file, but no checkpoint of polytask (its metadata has no \"{}\")",
                     path.string(), kInfoKey);
  return {std::move(file.tensors), parse_json(info->second, path.string())};
}

}  // namespace polytask
