#include <cache/containers/volumes.hpp>

#include <cache/containers/names.hpp>
#include <cache/database.hpp>
#include <cache/remove_tree.hpp>
#include <cache/state_directory.hpp>

#include <nlohmann/json.hpp>

#include <sys/stat.h>

#include <cerrno>
#include <chrono>

namespace slipway {
namespace {

Volume read_row(const Query& row) {
  return {row.text(0), row.integer(1), row.integer(2) != 0,
          nlohmann::json::parse(row.text(3)).get<std::map<std::string, std::string>>()};
}

void make_folder(const std::filesystem::path& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
    throw system_error("mkdir", path.string(), errno);
}

}  // namespace

Volume VolumeStore::create(std::string_view name, const std::map<std::string, std::string>& labels) {
  const bool anonymous = name.empty();
  const std::string chosen = anonymous ? random_id() : std::string(name);
  if (!anonymous) require_container_name(name);
  Transaction transaction(database_);
  if (auto known = find(chosen)) return std::move(*known);
  make_folder(state_.root() / "volumes", 0700);
  make_folder(state_.root() / "volumes" / chosen, 0700);
  make_folder(directory(chosen), 0755);
  const auto now = std::chrono::duration_cast<std::chrono::nanoseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  Query(database_, "INSERT INTO volumes (name, created, anonymous, labels) VALUES (?, ?, ?, ?)")
      .bind(chosen)
      .bind(static_cast<std::int64_t>(now))
      .bind(std::int64_t{anonymous})
      .bind(nlohmann::json(labels).dump())
      .run();
  transaction.commit();
  return {chosen, now, anonymous, labels};
}

std::optional<Volume> VolumeStore::find(std::string_view name) const {
  Query query(database_, "SELECT name, created, anonymous, labels FROM volumes WHERE name = ?");
  if (!query.bind(name).step()) return std::nullopt;
  return read_row(query);
}

Volume VolumeStore::get(std::string_view name) const {
  if (auto found = find(name)) return std::move(*found);
  throw NoSuchVolume("there is no volume " + quoted(name));
}

std::vector<Volume> VolumeStore::list() const {
  std::vector<Volume> all;
  Query query(database_, "SELECT name, created, anonymous, labels FROM volumes ORDER BY name");
  while (query.step()) all.push_back(read_row(query));
  return all;
}

std::vector<std::string> VolumeStore::users(std::string_view name) const {
  std::vector<std::string> all;
  Query query(database_, "SELECT container FROM container_volumes WHERE volume = ?");
  query.bind(name);
  while (query.step()) all.push_back(query.text(0));
  return all;
}

void VolumeStore::remove(std::string_view name) {
  Transaction transaction(database_);
  get(name);
  if (const auto users = this->users(name); !users.empty())
    throw Error("the volume " + quoted(name) + " is used by the container " +
                users.front().substr(0, 12))
        .hint("remove that container first");
  Query(database_, "DELETE FROM volumes WHERE name = ?").bind(name).run();
  transaction.commit();
  const std::filesystem::path path = directory(name).parent_path();
  if (const auto failure = remove_tree(path))
    throw Error("cannot remove " + quoted(path.string()) + ": " + failure.message());
}

std::filesystem::path VolumeStore::directory(std::string_view name) const {
  return state_.root() / "volumes" / name / "_data";
}

}  // namespace slipway
