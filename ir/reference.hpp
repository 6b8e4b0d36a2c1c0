// Image references: "debian", "registry.example:5000/team/app:1.2", "app@sha256:...".
#pragma once

#include <ir/digest.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace slipway {

struct Reference {
  std::string domain;      // "docker.io", "localhost:5000"
  std::string repository;  // "library/debian"
  std::string tag;         // empty if only a digest was given
  std::optional<Digest> digest;

  bool operator==(const Reference&) const = default;
  // "docker.io/library/debian:bookworm", with "@sha256:..." if there is a digest.
  std::string text() const;
  // As docker shows it: "debian:bookworm".
  std::string familiar() const;
};

// Docker's rules (distribution/reference): docker.io and library/ are filled in, and the tag
// "latest" where neither tag nor digest is given. Throws Error with a hint for what is malformed.
Reference parse_reference(std::string_view text);

}  // namespace slipway
