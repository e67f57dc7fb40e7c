#pragma once
#include "case.h"

#include <polytask/nn/backbones/resnet.h>

#include <memory>

namespace polytask::golden {

/// A residual network as the case's config describes it: block, layers, widths; with weights of its own.
std::shared_ptr<Resnet> make_resnet(const Case& golden);

}  // namespace polytask::golden
