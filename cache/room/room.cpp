#include <cache/room/room.hpp>

#include <cache/database.hpp>
#include <cache/failed_steps.hpp>
#include <cache/partial_blob.hpp>
#include <cache/settings.hpp>
#include <cache/state_directory.hpp>

#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <set>
#include <utility>

namespace slipway {
namespace {

namespace fs = std::filesystem;

constexpr const char* prune_lock = "prune";
// At the end of a build, folders are not walked through more often than this.
constexpr std::int64_t measuring_patience = 60 * 60;

bool is_there(const fs::path& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

}  // namespace

std::vector<RoomItem> Room::remove(const PruneRule& rule, const std::vector<RoomItem>& items) {
  // A failed step's files are nothing without the layers that it stood on: they go before those.
  std::set<std::size_t> gone;
  const auto drop_failed_above = [&](const Digest& layer) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      const auto& below = items[i].below;
      if (gone.contains(i) || std::find(below.begin(), below.end(), DiffId{layer}) == below.end())
        continue;
      if (!remove_item(items[i], rule.text)) return false;
      gone.insert(i);
    }
    return true;
  };
  const std::int64_t now = std::time(nullptr);
  const auto positions = remove_by_rule(items, rule, now, [&](const RoomItem& item) {
    if (gone.contains(static_cast<std::size_t>(&item - items.data()))) return true;
    if (item.kind == RoomItem::Kind::layer && !drop_failed_above(item.digest)) return false;
    return remove_item(item, rule.text);
  });
  gone.insert(positions.begin(), positions.end());
  std::vector<RoomItem> removed;
  for (const std::size_t position : positions) {
    removed.push_back(items[position]);
    gone.erase(position);
  }
  for (const std::size_t position : gone) removed.push_back(items[position]);
  if (!removed.empty()) forget_sizes_of_nothing();
  return removed;
}

std::vector<RoomItem> Room::prune(const PruneRule& rule, bool dry_run, const Told& told) {
  if (dry_run) {
    const std::vector<RoomItem> all = items(0, told);
    std::vector<RoomItem> chosen;
    for (const std::size_t position : remove_by_rule(
             all, rule, std::time(nullptr), [this](const RoomItem& item) { return !in_use(item); }))
      chosen.push_back(all[position]);
    return chosen;
  }
  const FileLock alone = state_.lock(prune_lock);
  sweep();
  forget_records_of_nothing();
  return remove(rule, items(0, told));
}

std::vector<RoomItem> Room::make_room() {
  const std::uint64_t keep = settings_.cache_keep();
  // The lock's file is still there when whoever had it was killed.
  const bool killed = is_there(state_.root() / "locks" / (std::string(prune_lock) + ".lock")) ||
                      is_there(state_.died());
  if (!killed && has_room(keep)) return {};
  const FileLock alone = state_.try_lock(prune_lock);
  if (!alone) return {};  // another process is at it
  if (killed) sweep();
  if (has_room(keep)) return {};
  PruneRule rule;
  rule.keep = keep;
  rule.text = "cache.keep " + settings_.cache_keep_text();
  return remove(rule, items(measuring_patience));
}

bool Room::has_room(std::uint64_t keep) {
  const std::int64_t now = std::time(nullptr);
  bool unmeasured = false;
  {
    // Used by this build, or by another since it was measured.
    Query query(database_,
                "SELECT 1 FROM cache_mounts LEFT JOIN sizes "
                "ON path = 'mounts/' || lower(hex(digest)) WHERE measured IS NULL OR "
                "(measured <= last_used AND measured < ?) LIMIT 1");
    unmeasured = query.bind(now - measuring_patience).step();
  }
  for (const char* folder : {"failed", "git"}) {
    std::error_code none;
    for (fs::directory_iterator entry(state_.root() / folder, none), end; entry != end;
         entry.increment(none)) {
      const std::string name = entry->path().filename().string();
      if (!Digest::parse_hex(name)) continue;
      Query query(database_, "SELECT measured FROM sizes WHERE path = ?");
      if (!query.bind(std::string(folder) + "/" + name).step()) unmeasured = true;
    }
  }
  if (unmeasured) {
    items(measuring_patience);
    forget_mounts_of_nothing();
  }

  const auto sum = [this](std::string_view sql) {
    Query query(database_, sql);
    query.step();
    return static_cast<std::uint64_t>(query.integer(0));
  };
  const std::uint64_t folders = sum("SELECT coalesce(sum(size), 0) FROM sizes");
  // Of what was compressed here some may be kept no more: too much is only counted again.
  const std::uint64_t packed = sum("SELECT coalesce(sum(size), 0) FROM layer_blobs");
  // No database knows of these, and there are only as many as pulls that ended early.
  std::uint64_t partial = 0;
  for (const PartialBlob::Left& left : PartialBlob::list(state_)) partial += left.bytes;
  if (folders + packed + partial + sum("SELECT coalesce(sum(size + blob_size), 0) FROM layers") <=
      keep) {
    return true;
  }
  forget_sizes_of_nothing();
  return partial + sum("SELECT coalesce(sum(size), 0) FROM sizes") +
             sum("SELECT coalesce(sum(size), 0) FROM layer_blobs WHERE NOT EXISTS "
                 "(SELECT 1 FROM kept_layers WHERE kept_layers.layer = diff_id)") +
             sum("SELECT coalesce(sum(size + blob_size), 0) FROM layers WHERE NOT EXISTS "
                 "(SELECT 1 FROM kept_layers WHERE kept_layers.layer = diff_id)") <=
         keep;
}

void Room::forget_sizes_of_nothing() {
  std::vector<std::string> paths;
  {
    Query query(database_, "SELECT path FROM sizes");
    while (query.step()) paths.push_back(query.text(0));
  }
  for (const std::string& path : paths)
    if (!is_there(state_.root() / path))
      Query(database_, "DELETE FROM sizes WHERE path = ?").bind(path).run();
}

// Those whose layer stayed in a shared cache are there for explaining misses, and no hit.
void Room::forget_records_of_nothing() {
  Query(database_,
        "DELETE FROM records WHERE last_used < unixepoch() - 30 * 86400 AND "
        "NOT EXISTS (SELECT 1 FROM layers WHERE diff_id = records.layer)")
      .run();
}

// A step that failed before it had made its mount leaves a row; so does somebody who removes a
// directory by hand.
void Room::forget_mounts_of_nothing() {
  std::vector<Digest> digests;
  {
    Query query(database_, "SELECT digest FROM cache_mounts");
    while (query.step()) digests.push_back(query.digest(0));
  }
  for (const Digest& digest : digests) {
    if (is_there(state_.mounts() / digest.hex())) continue;
    if (Removal::attempt(state_.holds_file(), digest))
      Query(database_, "DELETE FROM cache_mounts WHERE digest = ?").bind(digest).run();
  }
}

void Room::use_mount(const Digest& digest, std::string_view id) {
  state_.holds().hold(digest);
  Query(database_,
        "INSERT INTO cache_mounts (digest, id, created, last_used) "
        "VALUES (?, ?, unixepoch(), unixepoch()) "
        "ON CONFLICT (digest) DO UPDATE SET last_used = excluded.last_used")
      .bind(digest)
      .bind(id)
      .run();
}

}  // namespace slipway
