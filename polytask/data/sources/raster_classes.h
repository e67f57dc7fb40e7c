#pragma once
#include <polytask/core/node.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

/// What the codes of a layer mean: one table, or one for each site.
class RasterClasses {
 public:
  RasterClasses() = default;
  /// `classes`: null (no classes), a table, or the path of a JSON file (below `root` or not), see RasterLayerOptions;
  /// `ignore`: codes that are no label. Throws InputError for tables that are none, and for codes of 2²⁴ and more,
  /// which float32 does not tell apart.
  RasterClasses(const Node& classes, const std::vector<double>& ignore, const std::string& root);

  bool empty() const { return tables_.empty(); }
  /// In the order of their codes; of several sites, in the order of their names.
  const std::vector<std::string>& names() const { return names_; }

  /// Codes [height, width], NaN where none → indices of names(), NaN where there is no label. `scene` chooses the site.
  /// Throws InputError that names `file`, the code and its place (the window begins at column x, row y), with the codes
  /// that are known.
  at::Tensor to_indices(const at::Tensor& codes, const std::string& scene, const std::string& file, int64_t x,
                        int64_t y) const;
  /// Of a layer without classes: values → the same, NaN where they are to be ignored.
  at::Tensor without_ignored(const at::Tensor& values) const;
  /// Throws InputError where no site's name begins that of the scene.
  void check_scene(const std::string& scene) const;

 private:
  using Table = std::map<double, std::string>;
  const Table& table_of(const std::string& scene) const;
  void add_names();

  std::map<std::string, Table> tables_;  // by site; "" is that of all scenes
  std::vector<double> ignore_;
  std::vector<std::string> names_;
  std::map<std::string, int64_t> index_;  // of a name
};

}  // namespace polytask
