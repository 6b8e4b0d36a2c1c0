// A record as it is shared: one document of JSON that says all of it. The format is described in
// record_document.cpp.
#pragma once

#include <cache/records.hpp>
#include <cache/shared/transport.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// Also says where the layer's index and its tar are.
struct SharedRecord {
  Record record;
  SharedBlob index;                  // the bytes of LayerIndex, zstd
  SharedBlob tar;                    // the layer's canonical tar, zstd
  std::vector<RecordedFiles> files;  // for explaining misses; left out where they are large
};

// Of all lists of files together, as they stand in the document, before base64.
inline constexpr std::size_t most_shared_files = std::size_t{256} << 10;

// The same record always gives the same bytes. What is this machine's own, the last use and the
// count of uses, is not in it.
std::string write_record_document(const SharedRecord& record);

// From anybody. Throws Error for what is no such document, is not modest, or is another key's.
SharedRecord read_record_document(std::string_view document, const CacheKey& key);
// Of whatever key its parts give.
SharedRecord read_record_document(std::string_view document);

// False: a part of the key is known to this store alone (a secret's digest, secret_key.hpp), so
// that nobody else could ever ask for it.
bool can_be_shared(const KeyParts& parts);

}  // namespace slipway
