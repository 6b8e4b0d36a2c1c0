#include <cache/containers/volumes.hpp>

#include <cache/containers/names.hpp>
#include <cache/database.hpp>
#include <cache/remove_tree.hpp>
#include <cache/state_directory.hpp>

#include <nlohmann/json.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <system_error>

namespace slipway {
namespace {

namespace fs = std::filesystem;

using Labels = std::map<std::string, std::string>;

std::string write_labels(const Labels& labels) {
  return nlohmann::json(labels).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

StoredVolume read_row(const Query& row) {
  StoredVolume volume{row.text(0), row.integer(1), row.integer(2) != 0, {}};
  try {
    volume.labels = nlohmann::json::parse(row.text(3)).get<Labels>();
  } catch (const nlohmann::json::exception& error) {
    throw Error("the labels of the volume " + quoted(volume.name) +
                " in the store are damaged: " + error.what())
        .hint("slipway fsck says more");
  }
  return volume;
}

void make_folder(const fs::path& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
    throw system_error("mkdir", path.string(), errno);
}

bool is_known(Database& database, std::string_view name) {
  Query query(database, "SELECT 1 FROM volumes WHERE name = ?");
  return query.bind(name).step();
}

}  // namespace

StoredVolume VolumeStore::create(std::string_view name, const Labels& labels) {
  const bool anonymous = name.empty();
  if (!anonymous) require_container_name(name);
  StoredVolume volume{anonymous ? random_id() : std::string(name), 0, anonymous, labels};
  Transaction transaction(database_);
  // Also of one that is known: somebody may have removed its folder by hand.
  const fs::path data = directory(volume.name);
  make_folder(data.parent_path().parent_path(), 0700);
  make_folder(data.parent_path(), 0700);
  make_folder(data, 0755);
  if (auto known = find(volume.name)) return std::move(*known);
  volume.created = std::chrono::duration_cast<std::chrono::nanoseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  Query(database_, "INSERT INTO volumes (name, created, anonymous, labels) VALUES (?, ?, ?, ?)")
      .bind(volume.name)
      .bind(volume.created)
      .bind(std::int64_t{anonymous})
      .bind(write_labels(labels))
      .run();
  transaction.commit();
  return volume;
}

std::optional<StoredVolume> VolumeStore::find(std::string_view name) const {
  Query query(database_, "SELECT name, created, anonymous, labels FROM volumes WHERE name = ?");
  if (!query.bind(name).step()) return std::nullopt;
  return read_row(query);
}

StoredVolume VolumeStore::get(std::string_view name) const {
  if (auto found = find(name)) return std::move(*found);
  NoSuchVolume error("there is no volume " + quoted(name));
  error.hint("`slipway volume ls` lists them");  // not in the throw: that would be a plain Error
  throw error;
}

std::vector<StoredVolume> VolumeStore::list() const {
  std::vector<StoredVolume> all;
  Query query(database_, "SELECT name, created, anonymous, labels FROM volumes ORDER BY name");
  while (query.step()) all.push_back(read_row(query));
  return all;
}

std::vector<std::string> VolumeStore::users(std::string_view name) const {
  std::vector<std::string> all;
  Query query(database_,
              "SELECT container FROM container_volumes WHERE volume = ? ORDER BY container");
  query.bind(name);
  while (query.step()) all.push_back(query.text(0));
  return all;
}

void VolumeStore::remove(std::string_view name) {
  const fs::path aside = state_.fresh_work_path();
  {
    Transaction transaction(database_);
    if (!is_known(database_, name)) get(name);  // throws
    if (const auto users = this->users(name); !users.empty())
      throw Error("the volume " + quoted(name) + " is in use by the container " +
                  users.front().substr(0, 12))
          .hint("remove that container first");
    Query(database_, "DELETE FROM volumes WHERE name = ?").bind(name).run();
    // Before the commit: a folder with files and no row would be taken for somebody's data.
    const fs::path folder = directory(name).parent_path();
    if (::rename(folder.c_str(), aside.c_str()) != 0 && errno != ENOENT)
      throw system_error("rename", folder.string(), errno);
    transaction.commit();
  }
  if (const auto failure = remove_tree(aside))
    throw Error("cannot remove the files of the volume " + quoted(name) + ": " + failure.message());
}

void VolumeStore::sweep() {
  std::error_code none;
  for (fs::directory_iterator entry(state_.root() / "volumes", none), end; entry != end;
       entry.increment(none)) {
    const std::string name = entry->path().filename().string();
    if (is_known(database_, name)) continue;
    const Transaction alone(database_);  // who makes a volume has one
    if (is_known(database_, name)) continue;
    // These remove nothing that holds something.
    ::rmdir(directory(name).c_str());
    ::rmdir(entry->path().c_str());
  }
}

fs::path VolumeStore::directory(std::string_view name) const {
  return state_.root() / "volumes" / name / "_data";
}

}  // namespace slipway
