// Room: what the store holds beside its images, and removing of it what is worth least.
//
// What an image holds or a container stands on is never removed here, nor containers and volumes
// themselves, nor what a running process uses (holds.hpp), nor
// anything that a running process is just making: that lies in work/. All else is cache, and may go
// at any time: what is missed is made or fetched again. The unit is the layer, since a record
// without its layer is none: with a layer go all its records, and the blobs that it is kept as.
// Keys are made of trees, so when the layer of an early step goes, those of later ones still hit.
#pragma once

#include <cache/room/item.hpp>
#include <cache/room/policy.hpp>
#include <cache/room/tree_size.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

class Database;
class FailedSteps;
class ImageStore;
class RecordStore;
class Settings;
class StateDirectory;
struct Usage;

// Safe for any number of threads and processes.
class Room {
 public:
  Room(StateDirectory& state, Database& database, RecordStore& records, FailedSteps& failed_steps,
       const Settings& settings)
      : state_(state),
        database_(database),
        records_(records),
        failed_steps_(failed_steps),
        settings_(settings) {}

  // How far the walk through a folder has got (tree_size.hpp), and what it is: "volume data".
  using Told = std::function<void(const std::string& what, const TreeSize& size)>;

  // All that may go. Folders that were used since they were measured, more than `patience` seconds
  // ago, are walked through.
  std::vector<RoomItem> items(std::int64_t patience = 0, const Told& told = nullptr);
  // Whether a process uses it now.
  bool in_use(const RoomItem& item) const;

  // Walks through as items() does.
  Usage usage(const ImageStore& images, const Told& told = nullptr);

  // Removes what the rule is about and nobody uses, and gives it in the order in which it went.
  // Waits for another process that removes. `dry_run`: removes nothing.
  std::vector<RoomItem> prune(const PruneRule& rule, bool dry_run, const Told& told = nullptr);

  // At the end of a build, of which nothing is used any more: brings the cache down to cache.keep.
  // As long as it has less, this costs a few sums. Gives what was removed.
  std::vector<RoomItem> make_room();

  // A step is going to use the cache mount of that digest: nobody removes it until this process has
  // ended. Called before its directory is looked for.
  void use_mount(const Digest& digest, std::string_view id);

 private:
  std::vector<RoomItem> remove(const PruneRule& rule, const std::vector<RoomItem>& items);
  bool remove_item(const RoomItem& item, const std::string& rule);
  bool remove_layer(const RoomItem& item, const std::string& rule);
  bool remove_blob(const Digest& digest);
  bool remove_mount(const RoomItem& item);
  bool remove_repository(const RoomItem& item);
  bool remove_stat_cache(const RoomItem& item);
  void add_containers(Usage& usage, const Told& told);
  // Names in layers/, containers/ and volumes/ that have no row.
  void sweep();
  void forget_sizes_of_nothing();
  void forget_records_of_nothing();
  void forget_mounts_of_nothing();
  bool has_room(std::uint64_t keep);

  StateDirectory& state_;
  Database& database_;
  RecordStore& records_;
  FailedSteps& failed_steps_;
  const Settings& settings_;
};

}  // namespace slipway
