#include <polytask/data/sources/raster_files.h>

#include <algorithm>
#include <functional>
#include <set>

namespace polytask {
namespace {

namespace fs = std::filesystem;
const std::string kScene = "<scene>";

std::string with_scene(std::string pattern, const std::string& scene) {
  for (size_t at = pattern.find(kScene); at != std::string::npos; at = pattern.find(kScene, at + scene.size()))
    pattern.replace(at, kScene.size(), scene);
  return pattern;
}

bool matches(const std::string& pattern, const std::string& text, size_t p = 0, size_t t = 0) {
  for (; p < pattern.size(); ++p, ++t) {
    if (pattern[p] == '*') {
      for (size_t rest = t; rest <= text.size(); ++rest)
        if (matches(pattern, text, p + 1, rest)) return true;
      return false;
    }
    if (t == text.size() || text[t] != pattern[p]) return false;
  }
  return t == text.size();
}

// The scene for which a name of a folder or file matches a component of a pattern with <scene>; "" where none does.
std::string scene_in(const std::string& component, const std::string& name) {
  const size_t begin = component.find(kScene);
  const std::string before = component.substr(0, begin), after = component.substr(begin + kScene.size());
  for (size_t at = 0; at < name.size(); ++at) {
    if (!matches(before, name.substr(0, at))) continue;
    for (size_t length = 1; at + length <= name.size(); ++length)
      if (auto scene = name.substr(at, length); matches(with_scene(after, scene), name.substr(at + length)))
        return scene;
  }
  return "";
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code failure;
  for (fs::directory_iterator it(folder.empty() ? "." : folder, failure), end; !failure && it != end;
       it.increment(failure))
    entries.push_back(it->path().filename());
  std::sort(entries.begin(), entries.end());
  return entries;
}

using Components = std::vector<std::string>;
using Found = std::function<void(const fs::path& file, const std::string& scene)>;

// Walks down the components of a pattern; `scene` is "" until a component has given it.
void walk(const fs::path& folder, const Components& components, size_t depth, const std::string& scene,
          const Found& found) {
  if (depth == components.size()) {
    std::error_code ignored;
    if (fs::exists(folder, ignored) && !fs::is_directory(folder, ignored)) found(folder, scene);
    return;
  }
  const std::string component = scene.empty() ? components[depth] : with_scene(components[depth], scene);
  const bool open = names_scene(component);
  if (!open && component.find('*') == std::string::npos)
    return walk(folder / component, components, depth + 1, scene, found);
  for (const auto& name : entries_of(folder)) {
    if (name.string()[0] == '.') continue;
    if (const std::string here = open ? scene_in(component, name) : scene; open && !here.empty())
      walk(folder / name, components, depth + 1, here, found);
    else if (!open && matches(component, name))
      walk(folder / name, components, depth + 1, scene, found);
  }
}

Components components_of(const std::string& pattern) {
  Components components;
  for (const auto& component : fs::path(pattern)) components.push_back(component.string());
  return components;
}

}  // namespace

bool name_matches(const std::string& pattern, const std::string& text) { return matches(pattern, text); }

bool names_scene(const std::string& pattern) { return pattern.find(kScene) != std::string::npos; }

std::vector<std::string> find_scenes(const fs::path& root, const std::string& pattern) {
  if (!names_scene(pattern)) return {fs::path(pattern).stem().string()};
  std::set<std::string> scenes;
  walk(root, components_of(pattern), 0, "", [&](const fs::path&, const std::string& scene) { scenes.insert(scene); });
  return {scenes.begin(), scenes.end()};
}

std::vector<fs::path> scene_files(const fs::path& root, const std::string& pattern, const std::string& scene) {
  std::vector<fs::path> files;
  walk(root, components_of(with_scene(pattern, scene)), 0, scene,
       [&](const fs::path& file, const std::string&) { files.push_back(file); });
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace polytask
