// Packed images, checked, and stores to load them into.
#pragma once

#include "../temporary_folder.hpp"
#include "conformance.hpp"
#include "sample_image.hpp"

#include <cache/archive/load.hpp>
#include <cache/archive/pack.hpp>
#include <cache/registry/pull.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace slipway {

using conformance::Json;

inline std::string bytes_of(const PackedBlob& blob) {
  std::string bytes;
  blob.write([&](std::span<const std::byte> piece) {
    bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  });
  return bytes;
}

// All that was packed, by digest, as a registry would have it.
inline conformance::Blobs blobs_of(const Packed& packed) {
  conformance::Blobs blobs;
  for (const PackedBlob& blob : packed.blobs) {
    const std::string digest = blob.descriptor.digest.text();
    CHECK_FALSE(blobs.contains(digest));
    blobs[digest] = bytes_of(blob);
  }
  for (const PackedDocument& document : packed.documents) {
    blobs[document.descriptor.digest.text()] = document.json;
  }
  return blobs;
}

// Whether all that the root names was packed, and is as the specification has it.
inline conformance::Blobs check_packed(const Packed& packed) {
  const conformance::Blobs blobs = blobs_of(packed);
  conformance::check_reachable(Json::parse(write_descriptor(packed.root)), blobs);
  CHECK(packed.documents.back().descriptor.digest == packed.root.digest);
  return blobs;
}

inline Json document(const conformance::Blobs& blobs, const Json& descriptor) {
  return Json::parse(blobs.at(descriptor.at("digest").get<std::string>()));
}

// Into a store of its own, which lives as long as the folder.
struct Elsewhere {
  TemporaryFolder folder;
  Store store{folder / "store"};
  std::vector<LoadedImage> load(const std::filesystem::path& archive,
                                const std::vector<Platform>& platforms = {}) {
    PullProgress progress;
    return load_archive(store, archive, platforms, progress);
  }
};

inline std::string message_of(auto&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace slipway
