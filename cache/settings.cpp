#include <cache/settings.hpp>

#include <cache/database.hpp>
#include <ir/error.hpp>
#include <ir/nearest.hpp>
#include <ir/quantities.hpp>

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>

namespace slipway {
namespace {

constexpr std::string_view keep_name = "cache.keep";
constexpr const char* default_keep = "10%";
constexpr std::uint64_t least_default = std::uint64_t{2} << 30;

void require_known(std::string_view name) {
  std::vector<std::string> names;
  for (const Settings::Known& one : Settings::known()) {
    if (one.name == name) return;
    names.emplace_back(one.name);
  }
  throw Error("there is no setting " + quoted(name))
      .hint(did_you_mean(std::string(name), names, "`slipway config ls` lists them"));
}

std::uint64_t disk_size(const std::filesystem::path& root) {
  struct statvfs status {};
  if (::statvfs(root.c_str(), &status) != 0) throw system_error("statvfs", root.string(), errno);
  return static_cast<std::uint64_t>(status.f_blocks) * status.f_frsize;
}

}  // namespace

const std::vector<Settings::Known>& Settings::known() {
  static const std::vector<Known> list{
      {keep_name,
       "how much the cache may have beside what images need, held after every build: a size, or a "
       "part of the disk"}};
  return list;
}

std::optional<std::uint64_t> read_room(std::string_view text, const std::filesystem::path& root) {
  if (!text.ends_with('%')) return read_size(text);
  const auto percent = read_number(text.substr(0, text.size() - 1), 10);
  if (!percent || *percent > 100) return std::nullopt;
  return disk_size(root) / 100 * *percent;
}

std::optional<std::string> Settings::get(std::string_view name) const {
  require_known(name);
  Query query(database_, "SELECT value FROM settings WHERE name = ?");
  if (!query.bind(name).step()) return std::nullopt;
  return query.text(0);
}

void Settings::set(std::string_view name, std::string_view value) {
  require_known(name);
  if (!read_room(value, root_))
    throw Error(quoted(value) + " is no size").hint("a number with a unit, 40GB, or a part, 10%");
  Query(database_,
        "INSERT INTO settings (name, value) VALUES (?, ?) "
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value")
      .bind(name)
      .bind(value)
      .run();
}

bool Settings::unset(std::string_view name) {
  require_known(name);
  Query(database_, "DELETE FROM settings WHERE name = ?").bind(name).run();
  return database_.changes() > 0;
}

std::uint64_t Settings::cache_keep() const {
  if (const auto text = get(keep_name))
    if (const auto bytes = read_room(*text, root_)) return *bytes;
  return std::max(read_room(default_keep, root_).value_or(0), least_default);
}

std::string Settings::cache_keep_text() const {
  const std::string text = get(keep_name).value_or(default_keep);
  return text.ends_with('%') ? text + " of the disk" : text;
}

}  // namespace slipway
