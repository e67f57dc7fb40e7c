#pragma once
#include <string>

namespace polytask {

/// A text as XML and HTML hold it, in and outside of attributes; control characters become spaces.
std::string escaped_markup(const std::string& text);

}  // namespace polytask
