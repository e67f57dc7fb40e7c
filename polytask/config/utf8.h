#pragma once
#include <string>

namespace polytask {

/// Throws InputError, naming `name` and the line, where `text` is not UTF-8 or holds control characters other than tab
/// and line ends. (yaml-cpp would stop reading at some of them, without a word.)
void check_utf8_text(const std::string& text, const std::string& name);

}  // namespace polytask
