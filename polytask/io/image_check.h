#pragma once
#include <string>

namespace polytask {

/// The bytes to hand to an image decoder. Decoders fill what a truncated file lacks with grey and say nothing; so the
/// structure of PNG (chunks and their checksums up to IEND) and JPEG (segments up to the end marker) is checked first.
/// Throws InputError naming the file and what is missing. Of a PNG only the chunks that change the picture are kept:
/// libpng prints warnings about the others. Other formats pass unchanged.
std::string checked_image(std::string bytes, const std::string& name);

}  // namespace polytask
