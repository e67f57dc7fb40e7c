#pragma once
#include "case.h"

#include <functional>
#include <string>
#include <vector>

namespace polytask::golden {

/// One kind of model: which cases are of it, and what comes out for a case under the reference's names (at least all
/// that the case expects).
struct Kind {
  std::function<bool(const Node& description)> fits;
  std::function<NamedTensors(const Case& golden)> run;
  /// Expected tensors of things that this library does not have; none where empty.
  std::function<bool(const std::string& tensor)> lacks = {};
};

/// The kind of the cases of one model and its variants.
inline Kind kind(const std::string& model, NamedTensors (*run)(const Case&),
                 bool (*lacks)(const std::string&) = nullptr) {
  return {[model](const Node& description) { return is_model(description, model); }, run, lacks};
}

// One function for each file of this folder.
bool is_plain_resnet(const Node& description);
NamedTensors run_resnet(const Case& golden);
NamedTensors run_cross_stitch(const Case& golden);
NamedTensors run_mtan(const Case& golden);
NamedTensors run_ple(const Case& golden);
NamedTensors run_ltb(const Case& golden);
NamedTensors run_mmoe(const Case& golden);
NamedTensors run_cgc(const Case& golden);
NamedTensors run_dselect_k(const Case& golden);
NamedTensors run_unet(const Case& golden);
NamedTensors run_dense_metrics(const Case& golden);
bool lacks_dense_tensor(const std::string& name);

/// Every kind that has a runner; the first that fits takes a case.
inline std::vector<Kind> kinds() {
  return {
      {is_plain_resnet, run_resnet}, kind("cross_stitch", run_cross_stitch),
      kind("mtan", run_mtan),        kind("ple", run_ple),
      kind("ltb", run_ltb),          kind("mmoe", run_mmoe),
      kind("cgc", run_cgc),          kind("dselect_k", run_dselect_k),
      kind("unet", run_unet),        kind("dense_metrics", run_dense_metrics, lacks_dense_tensor),
  };
}

}  // namespace polytask::golden
