// What registries are known to have of blobs: whole ones, which another repository of theirs can
// mount, and such whose upload was begun and not ended.
#pragma once

#include <ir/digest.hpp>
#include <ir/reference.hpp>

#include <optional>
#include <string>
#include <vector>

namespace slipway {

class Database;

// Hints: a registry may have dropped what it once had. Of names, domain and repository count. Safe
// for any number of threads and processes.
class BlobPlaces {
 public:
  explicit BlobPlaces(Database& database) : database_(database) {}

  // The repository has all of these. Forgets what was seen anywhere longer ago than a registry is
  // likely to keep it for.
  void put(const std::vector<Digest>& blobs, const Reference& name);
  // Other repositories of the same registry, the one that was seen last first; a few.
  std::vector<std::string> elsewhere(const Digest& blob, const Reference& name) const;

  // Where the upload of the blob goes on. Empty: none is known of.
  std::optional<std::string> upload(const Digest& blob, const Reference& name) const;
  // Takes the place of what was known; empty: there is none any more.
  void put_upload(const Digest& blob, const Reference& name,
                  const std::optional<std::string>& location);

 private:
  Database& database_;
};

}  // namespace slipway
