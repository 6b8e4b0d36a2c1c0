#include <cache/containers/store.hpp>

#include <cache/containers/names.hpp>
#include <cache/database.hpp>
#include <cache/remove_tree.hpp>
#include <cache/state_directory.hpp>

#include <sys/random.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <utility>

namespace slipway {
namespace {

std::int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void make_folder(const std::filesystem::path& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
    throw system_error("mkdir", path.string(), errno);
}

Container read_row(Database& database, const Query& row) {
  Container container;
  container.id = row.text(0);
  container.name = row.text(1);
  container.image = row.digest(2);
  container.image_name = row.text(3);
  container.created = row.integer(4);
  container.config = read_container_config(row.blob(5));
  Query layers(database,
               "SELECT layer, tree, size FROM container_layers WHERE container = ? ORDER BY position");
  layers.bind(container.id);
  while (layers.step()) {
    container.layers.push_back({DiffId{layers.digest(0)}, TreeDigest{layers.digest(1)},
                                static_cast<std::uint64_t>(layers.integer(2))});
  }
  return container;
}

bool is_taken(Database& database, std::string_view name) {
  Query query(database, "SELECT 1 FROM containers WHERE name = ?");
  return query.bind(name).step();
}

Error taken(std::string_view name) {
  return Error("there is a container " + quoted(name) + " already")
      .hint("`slipway rm " + std::string(name) + "` removes it, `slipway rename` gives it another name");
}

}  // namespace

Container ContainerStore::create(std::string_view name, const Digest& image,
                                 std::string_view image_name, const LayerStack& layers,
                                 const ContainerConfig& config) {
  if (!name.empty()) require_container_name(name);
  Container container{random_id(), std::string(name), image, std::string(image_name), layers, now(),
                      config};
  // The folder first: a row without one would be a container that cannot be started. One without a row
  // is swept up (room/).
  const std::filesystem::path folder = this->folder(container.id);
  make_folder(folder.parent_path(), 0700);
  make_folder(folder, 0700);
  make_folder(folder / "upper", 0755);
  make_folder(folder / "work", 0700);
  try {
    Transaction transaction(database_);
    for (int attempt = 0; name.empty() && (attempt == 0 || is_taken(database_, container.name));
         ++attempt) {
      container.name = invented_name(attempt);
    }
    if (is_taken(database_, container.name)) throw taken(container.name);
    Query(database_,
          "INSERT INTO containers (id, name, image, image_name, created, config)"
          " VALUES (?, ?, ?, ?, ?, ?)")
        .bind(container.id)
        .bind(container.name)
        .bind(image)
        .bind(image_name)
        .bind(container.created)
        .bind_blob(write_container_config(config))
        .run();
    std::int64_t position = 0;
    for (const LayerRef& layer : layers) {
      Query(database_,
            "INSERT INTO container_layers (container, position, layer, tree, size)"
            " VALUES (?, ?, ?, ?, ?)")
          .bind(container.id)
          .bind(position++)
          .bind(layer.diff_id.digest)
          .bind(layer.tree.digest)
          .bind(layer.size)
          .run();
      // Whoever removes layers does so in a transaction that asks for these rows.
      Query there(database_, "SELECT 1 FROM layers WHERE diff_id = ?");
      if (!there.bind(layer.diff_id.digest).step())
        throw Error("a layer of the image " + quoted(image_name) + " is not in the store any more")
            .hint("pull or build the image again");
    }
    for (const ContainerMount& mount : config.mounts) {
      if (mount.type != ContainerMount::Type::volume) continue;
      Query(database_, "INSERT OR IGNORE INTO container_volumes (container, volume) VALUES (?, ?)")
          .bind(container.id)
          .bind(mount.source)
          .run();
    }
    transaction.commit();
  } catch (...) {
    remove_tree(folder);
    throw;
  }
  return container;
}

std::optional<Container> ContainerStore::find(std::string_view id_or_name) const {
  Query query(database_,
              "SELECT id, name, image, image_name, created, config FROM containers"
              " WHERE id = ?1 OR name = ?1 ORDER BY id = ?1 DESC LIMIT 1");
  if (!query.bind(id_or_name).step()) return std::nullopt;
  return read_row(database_, query);
}

Container ContainerStore::get(std::string_view id_or_name) const {
  if (auto found = find(id_or_name)) return std::move(*found);
  std::optional<Container> by_prefix;
  if (!id_or_name.empty() && id_or_name.find_first_not_of("0123456789abcdef") == std::string::npos) {
    Query query(database_,
                "SELECT id, name, image, image_name, created, config FROM containers"
                " WHERE substr(id, 1, length(?1)) = ?1 LIMIT 2");
    query.bind(id_or_name);
    if (query.step()) by_prefix = read_row(database_, query);
    if (by_prefix && query.step())
      throw Error("several containers have an ID that begins with " + quoted(id_or_name))
          .hint("give more of it; `slipway ps -a --no-trunc` shows them");
  }
  if (by_prefix) return std::move(*by_prefix);
  throw NoSuchContainer("there is no container " + quoted(id_or_name));
}

std::vector<Container> ContainerStore::list() const {
  std::vector<Container> all;
  Query query(database_,
              "SELECT id, name, image, image_name, created, config FROM containers"
              " ORDER BY number DESC");
  while (query.step()) all.push_back(read_row(database_, query));
  return all;
}

void ContainerStore::rename(const std::string& id, std::string_view name) {
  require_container_name(name);
  Transaction transaction(database_);
  if (is_taken(database_, name)) throw taken(name);
  Query(database_, "UPDATE containers SET name = ? WHERE id = ?").bind(name).bind(id).run();
  if (database_.changes() == 0) throw NoSuchContainer("there is no container " + quoted(id));
  transaction.commit();
}

void ContainerStore::remove(const std::string& id, const ContainerLock&) {
  Query(database_, "DELETE FROM containers WHERE id = ?").bind(id).run();
  const std::filesystem::path path = folder(id);
  if (const auto failure = remove_tree(path))
    throw Error("cannot remove " + quoted(path.string()) + ": " + failure.message());
}

bool ContainerStore::uses(const Digest& image) const {
  Query query(database_, "SELECT 1 FROM containers WHERE image = ? LIMIT 1");
  return query.bind(image).step();
}

std::filesystem::path ContainerStore::folder(const std::string& id) const {
  return state_.root() / "containers" / id;
}

}  // namespace slipway
