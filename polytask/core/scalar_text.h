#pragma once
#include <polytask/core/node.h>

#include <string>

namespace polytask {

/// The text of a scalar; an InputError that says what was `expected` ("a number") where the node is something else.
const std::string& scalar_text(const Node& node, const char* expected);

}  // namespace polytask
