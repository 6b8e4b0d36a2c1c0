#include "given_name.hpp"

#include <ir/error.hpp>

namespace slipway {

Reference given_name(const std::string& text) {
  Reference name = parse_reference(text);
  if (name.digest) {
    throw Error("an image cannot be named " + quoted(text) + ": a digest is not for choosing")
        .hint("give NAME[:TAG]");
  }
  return name;
}

}  // namespace slipway
