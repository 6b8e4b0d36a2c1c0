// Names that somebody gives to an image.
#pragma once

#include <ir/reference.hpp>

#include <string>

namespace slipway {

// A name with a digest says what it holds, so it is nothing to choose: what a later build pins by
// that digest would be this image. Throws Error for one, and for what is no name.
Reference given_name(const std::string& text);

}  // namespace slipway
