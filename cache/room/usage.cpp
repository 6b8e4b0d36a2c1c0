#include <cache/room/usage.hpp>

#include <cache/containers/store.hpp>
#include <cache/containers/volumes.hpp>
#include <cache/database.hpp>
#include <cache/room/room.hpp>
#include <cache/state_directory.hpp>

#include <sys/stat.h>

#include <map>
#include <set>
#include <system_error>
#include <utility>

namespace slipway {
namespace {

namespace fs = std::filesystem;

// The layers of an image or an index, each once.
std::set<Digest> layers_of(Database& database, const Digest& id) {
  std::set<Digest> layers;
  Query query(database,
              "SELECT layer FROM image_layers WHERE image = ?1 OR image IN "
              "(SELECT image FROM index_images WHERE id = ?1)");
  query.bind(id);
  while (query.step()) layers.insert(query.digest(0));
  return layers;
}

}  // namespace

void Room::add_containers(Usage& usage, const Told& told) {
  const auto measured = [&](std::string_view kind, std::string_view name, const fs::path& folder) {
    const std::string what = std::string(kind) + " " + std::string(name.substr(0, 12));
    return measure_tree(folder,
                        [&](const TreeSize& size) {
                          if (told) told(what, size);
                        })
        .bytes;
  };
  const ContainerStore containers(state_, database_);
  for (Container& container : containers.list()) {
    const fs::path folder = containers.folder(container.id);
    usage.containers.push_back({container.id, container.name, container.image_name,
                                container.created, containers.state(container.id).alive(),
                                measured("container", container.id, folder)});
  }
  const VolumeStore volumes(state_, database_);
  for (StoredVolume& volume : volumes.list()) {
    const std::size_t users = volumes.users(volume.name).size();
    const std::uint64_t bytes = measured("volume", volume.name, volumes.directory(volume.name));
    usage.volumes.push_back({std::move(volume), users, bytes});
  }
}

Usage Room::usage(const ImageStore& images, const Told& told) {
  Usage usage;
  usage.items = items(0, told);
  for (const RoomItem& item : usage.items) usage.in_use.push_back(in_use(item));
  add_containers(usage, told);

  std::map<Digest, std::uint64_t> sizes;
  {
    Query query(database_, "SELECT diff_id, size FROM layers");
    while (query.step())
      sizes.emplace(query.digest(0), static_cast<std::uint64_t>(query.integer(1)));
  }
  std::map<Digest, std::size_t> users;
  std::vector<std::set<Digest>> layers;
  for (ImageSummary& image : images.list()) {
    layers.push_back(layers_of(database_, image.id));
    for (const Digest& layer : layers.back()) ++users[layer];
    usage.images.push_back({std::move(image), 0, 0});
  }
  for (std::size_t i = 0; i < layers.size(); ++i)
    for (const Digest& layer : layers[i])
      (users[layer] > 1 ? usage.images[i].shared : usage.images[i].alone) += sizes[layer];
  {
    Query query(database_,
                "SELECT coalesce(sum(size) FILTER (WHERE image), 0), "
                "coalesce(sum(size) FILTER (WHERE NOT image), 0) FROM "
                "(SELECT size, EXISTS (SELECT 1 FROM image_layers WHERE layer = diff_id) AS image "
                "FROM layers WHERE EXISTS "
                "(SELECT 1 FROM kept_layers WHERE kept_layers.layer = diff_id))");
    query.step();
    usage.image_layers = static_cast<std::uint64_t>(query.integer(0));
    usage.container_layers = static_cast<std::uint64_t>(query.integer(1));
  }

  Query records(database_,
                "SELECT key, step, records.size, created, last_used, uses, duration, "
                "EXISTS (SELECT 1 FROM kept_layers WHERE kept_layers.layer = records.layer), "
                "(SELECT count(*) FROM records AS other WHERE other.layer = records.layer) > 1 "
                "FROM records WHERE EXISTS (SELECT 1 FROM layers WHERE diff_id = records.layer) "
                "ORDER BY last_used DESC, key");
  while (records.step())
    usage.records.push_back({CacheKey{records.digest(0)}, records.text(1),
                             static_cast<std::uint64_t>(records.integer(2)), records.integer(3),
                             records.integer(4), records.integer(5), records.integer(6),
                             records.integer(7) != 0, records.integer(8) != 0});

  std::error_code none;
  for (fs::directory_iterator entry(state_.blobs(), none), end; entry != end;
       entry.increment(none)) {
    struct stat status {};
    if (::lstat(entry->path().c_str(), &status) != 0) continue;
    ++usage.blob_count;
    usage.all_blobs += static_cast<std::uint64_t>(status.st_size);
  }
  return usage;
}

}  // namespace slipway
