#include <cache/mounts/import_mount.hpp>

#include <cache/mounts/content_reader.hpp>
#include <cache/mounts/shared_mount.hpp>
#include <cache/mounts/transfers.hpp>
#include <cache/mounts/work_folder.hpp>
#include <ir/error.hpp>

#include <sys/statvfs.h>

#include <cerrno>
#include <set>

namespace slipway {
namespace {

std::uint64_t written_size(const MountDocument& document) {
  std::uint64_t size = 0;
  for (const MountEntry& entry : document.entries) size += data_size(entry);
  return size;
}

// Before anything is fetched: a full disk is worse than an empty mount.
void require_room(const std::filesystem::path& directory, std::uint64_t size) {
  struct statvfs status {};
  if (::statvfs(directory.c_str(), &status) != 0)
    throw system_error("statvfs", directory.native(), errno);
  const std::uint64_t free = std::uint64_t{status.f_bavail} * status.f_frsize;
  if (size > free) {
    throw Error("the cache mount takes " + std::to_string(size) + " bytes, and the disk has " +
                std::to_string(free))
        .hint("make room on the file system of --root");
  }
}

}  // namespace

std::optional<MountImport> import_mount(CacheTransport& transport, const std::string& id,
                                        const std::filesystem::path& directory,
                                        const std::filesystem::path& work,
                                        const std::function<bool()>& cancelled,
                                        const TrustedKeys* trust) {
  const std::optional<std::string> record = transport.record(mount_record_key(id));
  if (!record) return std::nullopt;
  const SharedMount shared = read_shared_mount(transport, id, *record, trust);
  const MountDocument& document = shared.document;
  MountImport result{written_size(document), shared.received};

  std::set<std::size_t> needed;
  for (const ChunkRun& run : document.content) needed.insert(run.pack);
  std::uint64_t fetched = 0;
  for (const std::size_t pack : needed) fetched += document.packs[pack].blob.size;
  require_room(directory, result.size + fetched);

  const WorkFolder folder(work);
  {
    Transfers fetches;
    for (const std::size_t pack : needed) {
      fetches.start([&transport, &document, &folder, &cancelled, pack] {
        if (cancelled && cancelled()) throw Error("importing the cache mount was interrupted");
        fetch_blob(transport, document.packs[pack].blob, folder.file(pack));
      });
    }
    fetches.finish();
  }
  result.received += fetched;

  ContentReader content(document, [&folder](std::size_t pack) { return folder.file(pack); });
  restore_mount(
      directory, document.entries,
      [&content](std::uint64_t position, std::span<std::byte> buffer) {
        content.read(position, buffer);
      },
      cancelled);
  return result;
}

}  // namespace slipway
