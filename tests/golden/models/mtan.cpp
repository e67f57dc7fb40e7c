#include "kinds.h"
#include "names.h"
#include "resnet.h"
#include "sharing.h"

#include <polytask/nn/sharing/mtan.h>

#include <fmt/format.h>

namespace polytask::golden {
namespace {

std::string trunk_name(const std::vector<std::string>& parts, const std::vector<int64_t>& blocks) {
  const size_t layer = stage_number(parts[1]);
  if (layer == 0) return fmt::format("encoder.shared_conv.{}{}", stem_place(parts[1]), rest_of(parts, 2));
  const bool last = std::stol(parts[2]) + 1 == blocks.at(layer - 1);
  return fmt::format("encoder.shared_layer.{}.{}{}", layer - 1, last ? "1" : "0", rest_of(parts, last ? 3 : 2));
}

std::string mask_name(const std::vector<std::string>& parts, const std::vector<std::string>& tasks) {
  const std::string& module = parts[3];
  const char* place = module == "conv1" ? "0" : module == "bn1" ? "1" : module == "conv2" ? "3" : "4";
  return fmt::format("encoder.encoder_att.{}.{}.{}{}", stage_number(parts[2]) - 1, index_of(tasks, parts[1]), place,
                     rest_of(parts, 4));
}

Subject make(const Case& golden) {
  const auto tasks = texts(config(golden, "tasks"));
  const auto blocks = integers(config(golden, "layers"));
  Subject subject;
  subject.model = std::make_shared<Mtan>(make_resnet(golden), tasks_of(golden), 1);
  subject.level = blocks.size() - 1;
  subject.reference_name = [tasks, blocks](const std::string& ours) {
    const auto parts = parts_of(ours);
    if (parts[0] == "trunk") return trunk_name(parts, blocks);
    if (parts[0] == "attention") return mask_name(parts, tasks);
    return fmt::format("encoder.encoder_block_att.{}{}", stage_number(parts[1]) - 2, rest_of(parts, 2));
  };
  return subject;
}

}  // namespace

NamedTensors run_mtan(const Case& golden) {
  return run_sharing(golden, [&] { return make(golden); });
}

}  // namespace polytask::golden
