#include "kinds.h"
#include "names.h"
#include "resnet.h"
#include "sharing.h"

#include <polytask/nn/sharing/ple.h>

#include <fmt/format.h>

namespace polytask::golden {
namespace {

// An expert's parameter: `owner` is what stands between level and expert, `first` where its name begins.
std::string expert_name(const std::vector<std::string>& parts, const std::string& list, const std::string& owner,
                        size_t first) {
  const size_t level = stage_number(parts[first]);
  const std::string within = level == 0 ? "." + stem_place(parts[first]) : "";
  return fmt::format("encoder.{}.{}.{}{}{}{}", list, level, owner, parts[first - 1], within, rest_of(parts, first + 1));
}

std::string reference_name(const std::string& ours) {
  const auto parts = parts_of(ours);
  if (parts[0] == "shared_experts") return expert_name(parts, "shared_layer", "", 2);
  if (parts[0] == "experts") return expert_name(parts, "specific_layer", parts[1] + ".", 3);
  return fmt::format("encoder.gate_specific.{}.{}.0{}", parts[1], stage_number(parts[2]), rest_of(parts, 3));
}

PleExperts experts_of(const Case& golden) {
  const auto counts = integers(config(golden, "num_experts"));
  PleExperts experts;
  for (int64_t e = 0; e < counts.at(0); ++e) experts.shared.push_back(make_resnet(golden));
  for (size_t t = 1; t < counts.size(); ++t) {
    experts.own.emplace_back();
    for (int64_t e = 0; e < counts[t]; ++e) experts.own.back().push_back(make_resnet(golden));
  }
  return experts;
}

Subject make(const Case& golden) {
  PleOptions options;
  options.shared_gate = false;
  options.gate_input = "flatten";
  InputShape image;
  for (const auto& size : texts(config(golden, "img_size"))) image.push_back(std::stol(size));
  Subject subject;
  subject.model = std::make_shared<Ple>(experts_of(golden), tasks_of(golden), 1, options, image);
  subject.level = config(golden, "layers").items().size() - 1;
  subject.reference_name = reference_name;
  return subject;
}

}  // namespace

NamedTensors run_ple(const Case& golden) {
  return run_sharing(golden, [&] { return make(golden); });
}

}  // namespace polytask::golden
