// Removing one thing, as holds.hpp says.
#include <cache/containers/store.hpp>
#include <cache/containers/volumes.hpp>
#include <cache/database.hpp>
#include <cache/failed_steps.hpp>
#include <cache/file_descriptor.hpp>
#include <cache/partial_blob.hpp>
#include <cache/records.hpp>
#include <cache/remove_tree.hpp>
#include <cache/room/room.hpp>
#include <cache/state_directory.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>
#include <unordered_set>
#include <utility>

namespace slipway {
namespace {

namespace fs = std::filesystem;

// What was renamed into work/ and is deleted at the end of its scope. What cannot be, the next
// process removes with the rest of work/.
class Trash {
 public:
  explicit Trash(StateDirectory& state) : state_(state) {}
  Trash(const Trash&) = delete;
  Trash& operator=(const Trash&) = delete;
  ~Trash() {
    for (const fs::path& path : paths_) remove_tree(path);
  }

  // One that is not there is no error.
  void take(const fs::path& path) {
    fs::path aside = state_.fresh_work_path();
    if (std::rename(path.c_str(), aside.c_str()) == 0) {
      paths_.push_back(std::move(aside));
    } else if (errno != ENOENT) {
      throw system_error("rename", path.string(), errno);
    }
  }

 private:
  StateDirectory& state_;
  std::vector<fs::path> paths_;
};

// Of a repository, as executor/git takes it. Empty: somebody works in it.
std::optional<FileDescriptor> lock_repository(const fs::path& folder) {
  const fs::path path = folder.string() + ".lock";
  FileDescriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) throw system_error("open", path.string(), errno);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return std::nullopt;
  return lock;
}

}  // namespace

bool Room::in_use(const RoomItem& item) const {
  switch (item.kind) {
    case RoomItem::Kind::layer:
    case RoomItem::Kind::blob:
    case RoomItem::Kind::cache_mount:
      return !Removal::attempt(state_.holds_file(), item.digest);
    case RoomItem::Kind::failed_step:
      return failed_steps_.in_use(item.digest);
    case RoomItem::Kind::repository:
      return !lock_repository(state_.root() / "git" / item.id);
    case RoomItem::Kind::stat_cache:
      return false;
    case RoomItem::Kind::partial:
      return PartialBlob::in_use(state_, item.digest);
  }
  return false;
}

bool Room::remove_item(const RoomItem& item, const std::string& rule) {
  bool removed = false;
  switch (item.kind) {
    case RoomItem::Kind::layer:
      return remove_layer(item, rule);
    case RoomItem::Kind::blob:
      return remove_blob(item.digest);
    case RoomItem::Kind::stat_cache:
      return remove_stat_cache(item);
    case RoomItem::Kind::partial:
      return PartialBlob::drop(state_, item.digest);
    case RoomItem::Kind::cache_mount:
      removed = remove_mount(item);
      break;
    case RoomItem::Kind::failed_step:
      removed = failed_steps_.drop(item.digest);
      break;
    case RoomItem::Kind::repository:
      removed = remove_repository(item);
      break;
  }
  return removed;
}

bool Room::remove_layer(const RoomItem& item, const std::string& rule) {
  Trash trash(state_);  // deleted when the locks below are given back
  // Whoever is storing this layer holds that.
  const FileLock storing = state_.try_lock("layer-" + item.digest.hex());
  if (!storing) return false;
  Transaction transaction(database_);
  std::optional<Removal> removal = Removal::attempt(state_.holds_file(), item.digest);
  if (!removal) return false;
  {
    // Since it was looked at, another process may have come and gone.
    Query query(database_,
                "SELECT EXISTS (SELECT 1 FROM kept_layers WHERE layer = ?1), "
                "coalesce((SELECT max(last_used) FROM records WHERE layer = ?1), 0)");
    query.bind(item.digest).step();
    if (query.integer(0) != 0 || query.integer(1) > item.last_used) return false;
  }
  std::vector<CacheKey> keys;
  {
    Query query(database_, "SELECT key FROM records WHERE layer = ?");
    query.bind(item.digest);
    while (query.step()) keys.push_back(CacheKey{query.digest(0)});
  }
  records_.evicted(keys, rule);
  Query(database_, "DELETE FROM records WHERE layer = ?").bind(item.digest).run();
  Query(database_, "DELETE FROM layer_blobs WHERE diff_id = ?").bind(item.digest).run();
  Query(database_, "DELETE FROM layers WHERE diff_id = ?").bind(item.digest).run();
  transaction.commit();

  const fs::path tree = state_.layers() / item.digest.hex();
  trash.take(tree);
  trash.take(tree.string() + ".index");
  // Before the blobs, which are removed as things of their own: a blob that is the layer's tar has
  // the same byte, and for a transaction nobody may wait who has one.
  removal.reset();
  for (const Digest& blob : item.blobs) remove_blob(blob);
  return true;
}

bool Room::remove_blob(const Digest& digest) {
  Transaction transaction(database_);  // so that no layer gets it meanwhile
  const std::optional<Removal> removal = Removal::attempt(state_.holds_file(), digest);
  if (!removal) return false;
  {
    Query query(database_,
                "SELECT 1 FROM layers WHERE blob = ?1 UNION ALL SELECT 1 FROM layer_blobs "
                "JOIN layers ON layers.diff_id = layer_blobs.diff_id WHERE digest = ?1");
    if (query.bind(digest).step()) return false;
  }
  const fs::path path = state_.blobs() / digest.hex();
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    throw system_error("unlink", path.string(), errno);
  transaction.commit();
  return true;
}

bool Room::remove_mount(const RoomItem& item) {
  Trash trash(state_);
  const std::optional<Removal> removal = Removal::attempt(state_.holds_file(), item.digest);
  if (!removal) return false;
  std::vector<fs::path> twins;
  std::error_code none;
  for (fs::directory_iterator entry(state_.mounts(), none), end; entry != end;
       entry.increment(none)) {
    const std::string name = entry->path().filename().string();
    if (name.substr(0, name.find('.')) == item.id) twins.push_back(entry->path());
  }
  for (const fs::path& twin : twins) trash.take(twin);
  Query(database_, "DELETE FROM cache_mounts WHERE digest = ?").bind(item.digest).run();
  return true;
}

bool Room::remove_repository(const RoomItem& item) {
  Trash trash(state_);
  const fs::path folder = state_.root() / "git" / item.id;
  const std::optional<FileDescriptor> lock = lock_repository(folder);
  if (!lock) return false;
  trash.take(folder);
  return true;
}

bool Room::remove_stat_cache(const RoomItem& item) {
  // Who has it mapped keeps it, and who writes it writes a new one.
  const fs::path path = state_.contexts() / item.id;
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    throw system_error("unlink", path.string(), errno);
  return true;
}

void Room::sweep() {
  // First: who finds another one dead from now on asks for another sweep.
  if (::unlink(state_.died().c_str()) != 0 && errno != ENOENT)
    throw system_error("unlink", state_.died().string(), errno);
  std::unordered_set<Digest> known;
  {
    Query query(database_, "SELECT diff_id FROM layers");
    while (query.step()) known.insert(query.digest(0));
  }
  std::vector<fs::path> strangers;
  for (const auto& file : fs::directory_iterator(state_.layers())) {
    const auto id = Digest::parse_hex(file.path().stem().string());
    if (id && !known.contains(*id)) strangers.push_back(file.path());
  }
  for (const fs::path& path : strangers) {
    const Digest id = *Digest::parse_hex(path.stem().string());
    Trash trash(state_);
    const FileLock storing = state_.try_lock("layer-" + id.hex());
    if (!storing) continue;
    const std::optional<Removal> removal = Removal::attempt(state_.holds_file(), id);
    if (!removal) continue;
    Query query(database_, "SELECT 1 FROM layers WHERE diff_id = ?");
    if (!query.bind(id).step()) trash.take(path);
  }
  ContainerStore(state_, database_).sweep();
  VolumeStore(state_, database_).sweep();
}

}  // namespace slipway
