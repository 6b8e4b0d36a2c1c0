#include <cache/mounts/shared_mount.hpp>

#include <cache/file_descriptor.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <span>

namespace slipway {
namespace {

// Hands the blob's bytes to `sink`, and is done only if they are its own.
void read_verified(CacheTransport& transport, const SharedBlob& blob, const ByteSink& sink) {
  Hasher hasher;
  std::uint64_t size = 0;
  const bool there = transport.blob(blob, [&](std::span<const std::byte> bytes) {
    size += bytes.size();
    if (size > blob.size) throw Error(transport.name() + " gave more than the blob asked for");
    hasher.update(bytes);
    sink(bytes);
  });
  if (!there) throw Error(transport.name() + " has lost a part of the cache mount");
  if (size != blob.size || hasher.finish() != blob.digest) {
    throw Error(transport.name() + " gave other bytes than those of " + quoted(blob.digest.text()));
  }
}

}  // namespace

SharedMount read_shared_mount(CacheTransport& transport, const std::string& id,
                              const std::string& record, const TrustedKeys* trust) {
  SharedMount shared;
  shared.signatures = open_envelope(record);
  if (trust != nullptr && !trust->empty() && !trust->signed_by_one(shared.signatures)) {
    throw Error(transport.name() + " has a cache mount that no trusted key signed")
        .hint("export it with --cache-sign, by a key whose public half --cache-trust names");
  }
  shared.record = decode_mount_record(shared.signatures.document);
  if (shared.record.key != mount_record_key(id)) {
    throw Error(transport.name() + " gave the record of another cache mount");
  }
  std::string frame;
  read_verified(transport, shared.record.document, [&frame](std::span<const std::byte> bytes) {
    frame.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  });
  shared.document = decode_mount_document(frame);
  shared.received = record.size() + frame.size();
  return shared;
}

void fetch_blob(CacheTransport& transport, const SharedBlob& blob,
                const std::filesystem::path& file) {
  const FileDescriptor made(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!made) throw system_error("open", file.native(), errno);
  read_verified(transport, blob, [&](std::span<const std::byte> bytes) {
    write_all(made.get(), bytes, file.native());
  });
}

}  // namespace slipway
