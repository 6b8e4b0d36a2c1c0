// What may go: collected from the database, and from the folders that it knows nothing of.
#include <cache/database.hpp>
#include <cache/failed_steps.hpp>
#include <cache/partial_blob.hpp>
#include <cache/room/room.hpp>
#include <cache/state_directory.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

namespace slipway {
namespace {

namespace fs = std::filesystem;

// What comes from elsewhere is taken to arrive at 10 MB a second, for comparing it with what steps
// make.
constexpr std::int64_t nanoseconds_a_byte = 100;
// A stat cache that no build has asked for in this time is of a directory that is gone, or as good
// as.
constexpr std::int64_t longest_unused_stat_cache = 30 * 24 * 60 * 60;
// Reading a context anew takes about this long; its size is not known here.
constexpr std::int64_t context_cost = 1'000'000'000;

std::int64_t fetching(std::uint64_t bytes) {
  return static_cast<std::int64_t>(bytes) * nanoseconds_a_byte;
}

std::optional<struct stat> look_at(const fs::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return std::nullopt;
  return status;
}

// Names in a folder of the store, in order; none where there is no such folder.
std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code none;
  for (fs::directory_iterator entry(folder, none), end; entry != end; entry.increment(none)) {
    if (none) break;
    names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// All but the bytes of folders.
class Collector {
 public:
  Collector(StateDirectory& state, Database& database, FailedSteps& failed_steps)
      : state_(state), database_(database), failed_steps_(failed_steps) {}

  std::vector<RoomItem> run() {
    for (const std::string& name : names_in(state_.blobs())) {
      const auto digest = Digest::parse_hex(name);
      const auto status = look_at(state_.blobs() / name);
      if (digest && status) blobs_.emplace(*digest, *status);
    }
    add_layers();
    add_blobs();
    add_mounts();
    add_failed_steps();
    add_repositories();
    add_stat_caches();
    add_partials();
    return std::move(items_);
  }

 private:
  void add_layers() {
    std::map<Digest, std::size_t> positions;
    Query layers(database_,
                 "SELECT diff_id, layers.size, layers.created, blob, count(records.key), "
                 "coalesce(max(records.last_used), 0), coalesce(sum(uses), 0), "
                 "coalesce(max(duration), 0) "
                 "FROM layers LEFT JOIN records ON records.layer = diff_id WHERE NOT EXISTS "
                 "(SELECT 1 FROM kept_layers WHERE kept_layers.layer = diff_id) "
                 "GROUP BY diff_id");
    while (layers.step()) {
      RoomItem item;
      item.digest = layers.digest(0);
      item.id = item.digest.hex();
      item.bytes = static_cast<std::uint64_t>(layers.integer(1));
      item.created = layers.integer(2);
      if (!layers.is_null(3)) item.blobs.push_back(layers.digest(3));
      item.useless = layers.integer(4) == 0;
      item.what = item.useless ? "a layer of no image and no step" : "";
      item.last_used = item.useless ? item.created : layers.integer(5);
      item.uses = layers.integer(6);
      item.cost = layers.integer(7);
      positions.emplace(item.digest, items_.size());
      items_.push_back(std::move(item));
    }
    add_records(positions);
    Query packed(database_, "SELECT diff_id, digest FROM layer_blobs");
    while (packed.step()) {
      const auto known = positions.find(packed.digest(0));
      if (known == positions.end()) {
        kept_.insert(packed.digest(1));  // an image's
      } else {
        items_[known->second].blobs.push_back(packed.digest(1));
      }
    }
    for (RoomItem& item : items_) {
      std::sort(item.blobs.begin(), item.blobs.end());
      item.blobs.erase(std::unique(item.blobs.begin(), item.blobs.end()), item.blobs.end());
      for (const Digest& blob : item.blobs) {
        kept_.insert(blob);
        if (const auto found = blobs_.find(blob); found != blobs_.end())
          item.blob_bytes += static_cast<std::uint64_t>(found->second.st_size);
      }
      item.bytes += item.blob_bytes;
    }
  }

  void add_records(const std::map<Digest, std::size_t>& positions) {
    Query records(database_, "SELECT key, layer, step FROM records ORDER BY last_used DESC, key");
    while (records.step()) {
      const auto known = positions.find(records.digest(1));
      if (known == positions.end()) continue;
      RoomItem& item = items_[known->second];
      // It is called by the record that was used last.
      if (item.records.empty()) {
        item.id = records.digest(0).hex();
        item.what = records.text(2);
      }
      item.records.push_back(CacheKey{records.digest(0)});
    }
  }

  void add_blobs() {
    Query layers(database_, "SELECT blob FROM layers WHERE blob IS NOT NULL");
    while (layers.step()) kept_.insert(layers.digest(0));
    for (const auto& [digest, status] : blobs_) {
      if (kept_.contains(digest)) continue;
      RoomItem item;
      item.kind = RoomItem::Kind::blob;
      item.digest = digest;
      item.id = digest.hex();
      item.what = "a blob of no layer";
      item.bytes = static_cast<std::uint64_t>(status.st_size);
      item.created = item.last_used = status.st_mtime;
      item.useless = true;
      items_.push_back(std::move(item));
    }
  }

  void add_mounts() {
    std::map<std::string, RoomItem> mounts;
    for (const std::string& name : names_in(state_.mounts())) {
      const auto digest = Digest::parse_hex(name.substr(0, name.find('.')));
      const auto status = look_at(state_.mounts() / name);
      if (!digest || !status) continue;
      RoomItem& item = mounts[digest->hex()];
      item.kind = RoomItem::Kind::cache_mount;
      item.digest = *digest;
      item.id = digest->hex();
      item.created = item.last_used = status->st_mtime;  // of one from before there were rows
    }
    Query rows(database_, "SELECT digest, id, created, last_used FROM cache_mounts");
    while (rows.step()) {
      const auto known = mounts.find(rows.digest(0).hex());
      if (known == mounts.end()) continue;
      known->second.what = rows.text(1);
      known->second.created = rows.integer(2);
      known->second.last_used = rows.integer(3);
    }
    for (auto& [name, item] : mounts) items_.push_back(std::move(item));
  }

  void add_failed_steps() {
    for (FailedSteps::Left& left : failed_steps_.list()) {
      RoomItem item;
      item.kind = RoomItem::Kind::failed_step;
      item.digest = left.name;
      item.id = left.name.hex();
      item.what = std::move(left.step);
      item.created = item.last_used = left.failed;
      item.below = std::move(left.below);
      items_.push_back(std::move(item));
    }
  }

  void add_repositories() {
    for (const std::string& name : names_in(state_.root() / "git")) {
      const auto digest = Digest::parse_hex(name);
      const auto status = look_at(state_.root() / "git" / name);
      if (!digest || !status) continue;
      RoomItem item;
      item.kind = RoomItem::Kind::repository;
      item.digest = *digest;
      item.id = name;
      item.what = "a git repository";
      item.created = item.last_used = status->st_mtime;
      // Whoever works in it marks its lock.
      if (const auto lock = look_at(state_.root() / "git" / (name + ".lock")))
        item.last_used = std::max<std::int64_t>(lock->st_mtime, item.last_used);
      items_.push_back(std::move(item));
    }
  }

  void add_stat_caches() {
    const std::int64_t now = std::time(nullptr);
    for (const std::string& name : names_in(state_.contexts())) {
      const auto digest = Digest::parse_hex(name);
      const auto status = look_at(state_.contexts() / name);
      if (!digest || !status) continue;
      RoomItem item;
      item.kind = RoomItem::Kind::stat_cache;
      item.digest = *digest;
      item.id = name;
      item.what = "what a build context's files contained";
      item.bytes = static_cast<std::uint64_t>(status->st_size);
      item.created = status->st_mtime;
      // It is read by each build, and written by those that learn something. The kernel marks reads
      // once a day, which is enough here.
      item.last_used = std::max(status->st_mtime, status->st_atime);
      item.useless = now - item.last_used > longest_unused_stat_cache;
      item.cost = context_cost;
      items_.push_back(std::move(item));
    }
  }

  void add_partials() {
    const std::int64_t now = std::time(nullptr);
    for (const PartialBlob::Left& left : PartialBlob::list(state_)) {
      RoomItem item;
      item.kind = RoomItem::Kind::partial;
      item.digest = left.digest;
      item.id = left.digest.hex();
      item.what = "what has come of a blob";
      item.bytes = left.bytes;
      item.created = item.last_used = left.last_used;
      item.useless = now - left.last_used > PartialBlob::longest_unused;
      item.cost = fetching(left.bytes);
      items_.push_back(std::move(item));
    }
  }

  StateDirectory& state_;
  Database& database_;
  FailedSteps& failed_steps_;
  std::vector<RoomItem> items_;
  std::map<Digest, struct stat> blobs_;
  std::set<Digest> kept_;  // blobs that go with their layer, or stay with it
};

// The folders that an item consists of, of those that are walked through.
std::vector<fs::path> folders_of(const StateDirectory& state, const RoomItem& item) {
  switch (item.kind) {
    case RoomItem::Kind::cache_mount: {
      std::vector<fs::path> twins;
      for (const std::string& name : names_in(state.mounts()))
        if (name.substr(0, name.find('.')) == item.id) twins.push_back(state.mounts() / name);
      return twins;
    }
    case RoomItem::Kind::failed_step:
      return {state.root() / "failed" / item.id};
    case RoomItem::Kind::repository:
      return {state.root() / "git" / item.id};
    default:
      return {};
  }
}

}  // namespace

std::vector<RoomItem> Room::items(std::int64_t patience, const Told& told) {
  std::vector<RoomItem> items = Collector(state_, database_, failed_steps_).run();
  const std::int64_t now = std::time(nullptr);
  for (RoomItem& item : items) {
    const std::vector<fs::path> folders = folders_of(state_, item);
    if (folders.empty()) continue;
    const std::string path = folders.front().lexically_relative(state_.root()).string();
    std::optional<std::uint64_t> known;
    {
      Query query(database_, "SELECT size, measured FROM sizes WHERE path = ?");
      if (query.bind(path).step()) {
        const std::int64_t measured = query.integer(1);
        if (measured > item.last_used || now - measured < patience)
          known = static_cast<std::uint64_t>(query.integer(0));
      }
    }
    if (!known) {
      TreeSize size;
      const bool used = in_use(item);
      const std::string what = std::string(kind_name(item.kind)) + " " + item.id.substr(0, 12);
      for (const fs::path& folder : folders) {
        const TreeSize one = measure_tree(folder, [&](const TreeSize& part) {
          if (told) told(what, {size.bytes + part.bytes, size.files + part.files});
        });
        size.bytes += one.bytes;
        size.files += one.files;
      }
      known = size.bytes;
      // What somebody is filling counts as not measured since.
      Query(database_,
            "INSERT OR REPLACE INTO sizes (path, size, files, measured) VALUES (?, ?, ?, ?)")
          .bind(path)
          .bind(size.bytes)
          .bind(size.files)
          .bind(used ? std::min(item.last_used, now) : now)
          .run();
    }
    item.bytes = *known;
    if (item.kind != RoomItem::Kind::failed_step) item.cost = fetching(item.bytes);
  }
  return items;
}

}  // namespace slipway
