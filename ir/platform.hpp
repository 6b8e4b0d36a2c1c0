// Platforms: what a binary runs on (image-spec, image-index.md#image-index-property-descriptions).
#pragma once

#include <compare>
#include <string>
#include <string_view>

namespace slipway {

struct Platform {
  std::string os;            // "linux"
  std::string architecture;  // GOARCH: "amd64", "arm64"
  std::string variant;       // "v7"; often empty

  auto operator<=>(const Platform&) const = default;
  // "linux/arm/v7"
  std::string text() const;
};

// The machine's own.
Platform host_platform();
// Reads "linux/amd64", "arm64", "linux/arm/v7", with the usual aliases (x86_64, aarch64, armhf)
// normalised as containerd does. Throws Error on anything else.
Platform parse_platform(std::string_view text);
// True if an image for `image` serves where `wanted` is asked for (arm64 and arm64/v8 are one).
bool matches(const Platform& image, const Platform& wanted);

}  // namespace slipway
