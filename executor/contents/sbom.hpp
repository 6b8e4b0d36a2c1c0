// Bills of materials: the contents of an image as the documents that scanners read.
#pragma once

#include <executor/contents/inventory.hpp>

#include <string>
#include <string_view>

namespace slipway {

struct SbomSubject {
  std::string name;     // of the image, for people; empty: it has none
  std::string created;  // RFC 3339 with whole seconds: the image's own time
  std::string tool;     // "slipway-0.1.0"
};

inline constexpr std::string_view spdx_predicate = "https://spdx.dev/Document";
inline constexpr std::string_view cyclonedx_predicate = "https://cyclonedx.org/bom";

// JSON. The same contents and subject give the same bytes: identifiers are made of what they stand
// for, and no time but the image's is in them.
std::string spdx_document(const Inventory& contents, const SbomSubject& subject);       // SPDX 2.3
std::string cyclonedx_document(const Inventory& contents, const SbomSubject& subject);  // 1.6

// A UUID (version 5 by its form) made of a text.
std::string uuid_of(std::string_view text);

}  // namespace slipway
