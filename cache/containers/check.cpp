#include <cache/containers/check.hpp>

#include <cache/containers/names.hpp>
#include <cache/containers/store.hpp>
#include <cache/containers/volumes.hpp>
#include <cache/database.hpp>
#include <cache/state_directory.hpp>
#include <ir/error.hpp>

#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>

namespace slipway {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code none;
  for (fs::directory_iterator entry(folder, none), end; entry != end; entry.increment(none))
    names.push_back(entry->path().filename().string());
  return names;
}

class Checker {
 public:
  Checker(StateDirectory& state, Database& database, bool repair)
      : state_(state),
        database_(database),
        containers_(state, database),
        volumes_(state, database),
        repair_(repair) {}

  ContainersCheck run() {
    for (const std::string& id : texts("SELECT id FROM containers ORDER BY number")) check(id);
    check_volumes();
    check_strangers();
    return std::move(result_);
  }

 private:
  std::vector<std::string> texts(std::string_view sql) {
    std::vector<std::string> list;
    Query query(database_, sql);
    while (query.step()) list.push_back(query.text(0));
    return list;
  }

  bool knows(std::string_view sql, std::string_view name) {
    Query query(database_, sql);
    return query.bind(name).step();
  }

  void found(std::string problem) { result_.problems.push_back(std::move(problem)); }

  void check(const std::string& id) {
    std::string called = "container " + id.substr(0, 12);
    std::string image;
    std::string config;
    {
      Query row(database_, "SELECT name, image_name, config FROM containers WHERE id = ?");
      if (!row.bind(id).step()) return;  // another process has removed it
      called += " (" + row.text(0) + ")";
      image = row.text(1);
      config = row.blob(2);
    }
    ++result_.containers;
    try {
      (void)read_container_config(config);
    } catch (const Error& error) {
      found(called + ": " + error.what() + "; its files can still be copied out of it");
      if (repair_)
        Query(database_, "UPDATE containers SET config = ? WHERE id = ?")
            .bind_blob(write_container_config({}))
            .bind(id)
            .run();
    }
    check_layers(id, called, image);
    // Asked for last, and the row again behind it: another process may just be removing it.
    if (!is_there(containers_.folder(id) / "upper") &&
        knows("SELECT 1 FROM containers WHERE id = ?", id)) {
      found(called + ": its own files are gone");
      if (repair_) containers_.make_missing_folder(id);
    }
  }

  void check_layers(const std::string& id, const std::string& called, const std::string& image) {
    {
      Query lost(database_,
                 "SELECT layer FROM container_layers WHERE container = ? AND NOT EXISTS"
                 " (SELECT 1 FROM layers WHERE diff_id = layer) ORDER BY position");
      lost.bind(id);
      while (lost.step())
        found(called + ": the layer " + lost.digest(0).text() +
              " that it stands on is gone; it can be started again when " + quoted(image) +
              " has been pulled or built again");
    }
    std::vector<std::string> volumes;
    Query lost(database_,
               "SELECT volume FROM container_volumes WHERE container = ? AND NOT EXISTS"
               " (SELECT 1 FROM volumes WHERE name = volume)");
    lost.bind(id);
    while (lost.step()) volumes.push_back(lost.text(0));
    for (const std::string& volume : volumes) {
      found(called + ": the volume " + quoted(volume) + " that it mounts is gone");
      if (repair_) volumes_.create(volume, {});
    }
  }

  void check_volumes() {
    for (const std::string& name : texts("SELECT name FROM volumes ORDER BY name")) {
      ++result_.volumes;
      try {
        (void)volumes_.find(name);
      } catch (const Error& error) {
        found(error.what());
        if (repair_)
          Query(database_, "UPDATE volumes SET labels = '{}' WHERE name = ?").bind(name).run();
      }
      if (!is_there(volumes_.directory(name)) &&
          knows("SELECT 1 FROM volumes WHERE name = ?", name)) {
        found("volume " + quoted(name) + ": its files are gone");
        if (repair_) volumes_.create(name, {});
      }
    }
  }

  // What lies there without a row. Who is making something has a transaction until its row is
  // there.
  void check_strangers() {
    for (const std::string& name : names_in(state_.root() / "containers")) {
      if (knows("SELECT 1 FROM containers WHERE id = ?", name)) continue;
      {
        const Transaction still(database_);
        if (knows("SELECT 1 FROM containers WHERE id = ?", name) ||
            !is_there(state_.root() / "containers" / name))
          continue;
      }
      found(quoted((state_.root() / "containers" / name).string()) + " belongs to nothing");
    }
    for (const std::string& name : names_in(state_.root() / "volumes")) {
      if (knows("SELECT 1 FROM volumes WHERE name = ?", name)) continue;
      const fs::path path = state_.root() / "volumes" / name;
      {
        const Transaction still(database_);
        if (knows("SELECT 1 FROM volumes WHERE name = ?", name) || !is_there(path)) continue;
      }
      const bool has_files = !names_in(path / "_data").empty();
      found(quoted(path.string()) +
            (has_files ? " has files, and no volume is called so" : " belongs to nothing"));
      // Somebody's data: it is a volume again, which can be looked into and removed.
      if (repair_ && has_files && is_container_name(name)) volumes_.create(name, {});
    }
    if (!repair_) return;
    containers_.sweep();
    volumes_.sweep();
  }

  StateDirectory& state_;
  Database& database_;
  ContainerStore containers_;
  VolumeStore volumes_;
  const bool repair_;
  ContainersCheck result_;
};

}  // namespace

ContainersCheck check_containers(StateDirectory& state, Database& database, bool repair) {
  return Checker(state, database, repair).run();
}

}  // namespace slipway
