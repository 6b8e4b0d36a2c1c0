#include "print.hpp"

#include <ir/error.hpp>

#include <cerrno>
#include <cstdio>

namespace slipway {

void print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size())
    throw system_error("write", "standard output", errno);
}

std::string short_id(const Digest& id) { return id.hex().substr(0, 12); }

bool wants_json(std::string_view format) {
  if (format.empty() || format == "table") return false;
  if (format == "json" || format == "{{json .}}") return true;
  throw Error("--format does not know " + quoted(format)).hint("it is table or json");
}

}  // namespace slipway
