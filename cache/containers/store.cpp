#include <cache/containers/store.hpp>

#include <cache/containers/names.hpp>
#include <cache/database.hpp>
#include <cache/remove_tree.hpp>
#include <cache/state_directory.hpp>
#include <ir/error.hpp>

#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <system_error>
#include <utility>

namespace slipway {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view hexadecimal = "0123456789abcdef";

std::int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void make_folder(const fs::path& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0) throw system_error("mkdir", path.string(), errno);
}

// A folder that becomes a container's, until then one that nobody sees.
class Folder {
 public:
  explicit Folder(StateDirectory& state) : path_(state.fresh_work_path()) {
    make_folder(path_, 0700);
    make_folder(path_ / "upper", 0755);
    make_folder(path_ / "work", 0700);
  }
  Folder(const Folder&) = delete;
  ~Folder() {
    if (!path_.empty()) remove_tree(path_);
  }

  void move_to(const fs::path& path) {
    if (::mkdir(path.parent_path().c_str(), 0700) != 0 && errno != EEXIST)
      throw system_error("mkdir", path.parent_path().string(), errno);
    if (::rename(path_.c_str(), path.c_str()) != 0)
      throw system_error("rename", path_.string(), errno);
    path_ = path;
  }
  void keep() { path_.clear(); }

 private:
  fs::path path_;
};

Container read_row(Database& database, const Query& row) {
  Container container;
  container.id = row.text(0);
  container.name = row.text(1);
  container.image = row.digest(2);
  container.image_name = row.text(3);
  container.created = row.integer(4);
  container.config = read_container_config(row.blob(5));
  Query layers(
      database,
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
      .hint("`slipway rm " + std::string(name) +
            "` removes it, `slipway rename` gives it another name");
}

bool is_known(Database& database, std::string_view id) {
  Query query(database, "SELECT 1 FROM containers WHERE id = ?");
  return query.bind(id).step();
}

// False: it is a container's by now, somebody answers for it, or it has gone.
bool take_away(Database& database, const fs::path& folder, const fs::path& aside) try {
  Transaction transaction(database);
  if (is_known(database, folder.filename().string())) return false;
  const std::optional<ContainerLock> lock = ContainerLock::attempt(folder);
  if (!lock) return false;
  if (::rename(folder.c_str(), aside.c_str()) != 0)
    throw system_error("rename", folder.string(), errno);
  transaction.commit();
  return true;
} catch (const NoSuchContainer&) {
  return false;
}

void insert(Database& database, const Container& container) {
  Query(database,
        "INSERT INTO containers (id, name, image, image_name, created, config)"
        " VALUES (?, ?, ?, ?, ?, ?)")
      .bind(container.id)
      .bind(container.name)
      .bind(container.image)
      .bind(container.image_name)
      .bind(container.created)
      .bind_blob(write_container_config(container.config))
      .run();
  std::int64_t position = 0;
  for (const LayerRef& layer : container.layers) {
    // Whoever removes layers does so in a transaction that asks for these rows.
    Query there(database, "SELECT 1 FROM layers WHERE diff_id = ?");
    if (!there.bind(layer.diff_id.digest).step())
      throw Error("a layer of the image " + quoted(container.image_name) +
                  " is not in the store any more")
          .hint("pull or build the image again");
    Query(database,
          "INSERT INTO container_layers (container, position, layer, tree, size)"
          " VALUES (?, ?, ?, ?, ?)")
        .bind(container.id)
        .bind(position++)
        .bind(layer.diff_id.digest)
        .bind(layer.tree.digest)
        .bind(layer.size)
        .run();
  }
  for (const ContainerMount& mount : container.config.mounts) {
    if (mount.type != ContainerMount::Type::volume) continue;
    // As with layers: until now nothing has kept it from being removed.
    Query there(database, "SELECT 1 FROM volumes WHERE name = ?");
    if (!there.bind(mount.source).step())
      throw Error("the volume " + quoted(mount.source) + " has just been removed")
          .hint("try again");
    Query(database, "INSERT OR IGNORE INTO container_volumes (container, volume) VALUES (?, ?)")
        .bind(container.id)
        .bind(mount.source)
        .run();
  }
}

}  // namespace

Container ContainerStore::create(std::string_view name, const Digest& image,
                                 std::string_view image_name, const LayerStack& layers,
                                 const ContainerConfig& config) {
  if (!name.empty()) require_container_name(name);
  Container container{random_id(), std::string(name), image, std::string(image_name), layers, now(),
                      config};
  Folder folder(state_);
  Transaction transaction(database_);
  if (name.empty()) {
    int attempt = 0;
    do {
      container.name = invented_name(attempt++);
    } while (is_taken(database_, container.name));
  } else if (is_taken(database_, name)) {
    throw taken(name);
  }
  insert(database_, container);
  // Within the transaction, so that sweep(), which has one too, sees both or neither.
  folder.move_to(this->folder(container.id));
  transaction.commit();
  folder.keep();
  return container;
}

std::optional<Container> ContainerStore::find(std::string_view id_or_name) const {
  if (id_or_name.starts_with('/')) id_or_name.remove_prefix(1);
  Query query(database_,
              "SELECT id, name, image, image_name, created, config FROM containers"
              " WHERE id = ?1 OR name = ?1 ORDER BY id = ?1 DESC LIMIT 1");
  if (!query.bind(id_or_name).step()) return std::nullopt;
  return read_row(database_, query);
}

Container ContainerStore::get(std::string_view id_or_name) const {
  if (auto found = find(id_or_name)) return std::move(*found);
  if (!id_or_name.empty() && id_or_name.find_first_not_of(hexadecimal) == id_or_name.npos) {
    Query query(database_,
                "SELECT id, name, image, image_name, created, config FROM containers"
                " WHERE id >= ?1 AND id < ?1 || 'g' LIMIT 2");
    query.bind(id_or_name);
    std::optional<Container> only;
    if (query.step()) only = read_row(database_, query);
    if (only && query.step())
      throw Error("several containers have an ID that begins with " + quoted(id_or_name))
          .hint("give more of it; `slipway ps -a --no-trunc` shows them");
    if (only) return std::move(*only);
  }
  NoSuchContainer error("there is no container " + quoted(id_or_name));
  error.hint("`slipway ps -a` lists them");  // not in the throw: that would be a plain Error
  throw error;
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
  const fs::path aside = state_.fresh_work_path();
  Query(database_, "DELETE FROM containers WHERE id = ?").bind(id).run();
  // By one step away from where containers are, and only then file by file: half of one is
  // nobody's. A folder that is not there is none to be removed.
  if (::rename(folder(id).c_str(), aside.c_str()) != 0) {
    if (errno == ENOENT) return;
    throw system_error("rename", folder(id).string(), errno);
  }
  if (const auto failure = remove_tree(aside))
    throw Error("cannot remove the files of the container " + id.substr(0, 12) + ": " +
                failure.message());
}

void ContainerStore::make_missing_folder(const std::string& id) {
  struct stat status {};
  if (::lstat(this->folder(id).c_str(), &status) == 0) {
    const fs::path upper = this->folder(id) / "upper";
    // One that is removed at this moment is told of by its lock.
    if (::lstat(upper.c_str(), &status) != 0 && ::mkdir(upper.c_str(), 0755) != 0 &&
        errno != EEXIST && errno != ENOENT)
      throw system_error("mkdir", upper.string(), errno);
    return;
  }
  Folder folder(state_);
  Transaction transaction(database_);
  if (!is_known(database_, id)) return;
  folder.move_to(this->folder(id));
  transaction.commit();
  folder.keep();
}

std::vector<std::string> ContainerStore::users(const Digest& image) const {
  std::vector<std::string> all;
  Query query(database_,
              "SELECT id FROM containers WHERE image = ?1 OR image IN"
              " (SELECT image FROM index_images WHERE index_images.id = ?1) ORDER BY number");
  query.bind(image);
  while (query.step()) all.push_back(query.text(0));
  return all;
}

void ContainerStore::sweep() {
  std::vector<fs::path> aside;
  std::error_code none;
  for (fs::directory_iterator entry(state_.root() / "containers", none), end; entry != end;
       entry.increment(none)) {
    const std::string id = entry->path().filename().string();
    if (!Digest::parse_hex(id) || is_known(database_, id)) continue;
    const fs::path path = state_.fresh_work_path();
    if (take_away(database_, entry->path(), path)) aside.push_back(path);
  }
  for (const fs::path& path : aside) remove_tree(path);
}

fs::path ContainerStore::folder(const std::string& id) const {
  return state_.root() / "containers" / id;
}

}  // namespace slipway
