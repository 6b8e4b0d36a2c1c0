// Which bytes these are, of how many: the Content-Range header (RFC 9110, 14.4), and the Range
// header as registries answer with it (distribution-spec, "Pushing a blob in chunks").
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace slipway {

struct ContentRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;              // the byte's own number
  std::optional<std::uint64_t> whole;  // nothing: the server does not know
  // "bytes */N": there is no such range; `first` and `last` say nothing.
  bool unsatisfied = false;
};

// Total: nothing for what does not say so, or contradicts itself.
std::optional<ContentRange> parse_content_range(std::string_view value);

// "0-N", perhaps with "bytes=" before it: how many bytes of an upload are there. "0-0" is said of
// one byte, and of none. Total: nothing for any other text.
std::optional<std::uint64_t> parse_upload_range(std::string_view value);

}  // namespace slipway
