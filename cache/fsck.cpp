#include <cache/fsck.hpp>

#include <cache/blobs.hpp>
#include <cache/containers/check.hpp>
#include <cache/database.hpp>
#include <cache/failed_steps.hpp>
#include <cache/file_descriptor.hpp>
#include <cache/images/store.hpp>
#include <cache/layers/store.hpp>
#include <cache/remove_tree.hpp>
#include <cache/state_directory.hpp>
#include <ir/error.hpp>

#include <unistd.h>

#include <cerrno>
#include <optional>
#include <span>
#include <utility>

namespace slipway {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

constexpr std::size_t read_size = std::size_t{256} << 10U;

class StoreChecker {
 public:
  StoreChecker(const fs::path& root, bool repair)
      : state_(root),
        database_(state_.root() / "slipway.db"),
        blobs_(state_),
        layers_(state_, database_),
        images_(database_),
        repair_(repair) {}

  StoreCheck run() {
    if (const std::string complaints = database_.check(); !complaints.empty()) {
      found("the database: " + complaints);
    }
    check_layers();
    check_leftovers();
    check_blobs();
    check_images();
    check_indexes();
    check_records();
    check_failed_steps();
    check_containers();
    return std::move(result_);
  }

 private:
  bool exists(std::string_view sql, const Digest& id) {
    Query query(database_, sql);
    return query.bind(id).step();
  }

  void found(std::string problem) { result_.problems.push_back(std::move(problem)); }

  std::vector<Digest> digests(std::string_view sql) {
    std::vector<Digest> list;
    Query query(database_, sql);
    while (query.step()) list.push_back(query.digest(0));
    return list;
  }

  void check_layers() {
    for (const Digest& digest : digests("SELECT diff_id FROM layers ORDER BY number")) {
      const DiffId id{digest};
      ++result_.layers;
      try {
        if (!check_layer(id)) --result_.layers;
      } catch (const Error& error) {
        found("layer " + id.text() + ": " + error.what());
        if (!repair_) continue;
        const FileLock lock = state_.lock("layer-" + id.hex());
        Query(database_, "DELETE FROM layers WHERE diff_id = ?").bind(digest).run();
        remove(layers_.directory(id));
        remove(layers_.directory(id).string() + ".index");
      }
    }
  }

  // Its files against its index, and the index against itself and its row. False: another process
  // has removed it since it was listed.
  bool check_layer(const DiffId& id) {
    const std::optional<LayerRef> row = layers_.find(id);
    if (!row) {
      // Now that it is held, nobody removes it any more.
      Query query(database_, "SELECT 1 FROM layers WHERE diff_id = ?");
      if (!query.bind(id.digest).step()) return false;
      throw Error("its directory or its index is gone");
    }
    const auto index = LayerIndex::open(layers_.directory(id).string() + ".index");
    index->verify();
    if (index->layer() != *row) throw Error("its index is another layer's");
    const StackView view({{layers_.directory(id), index}});
    for (std::size_t i = 0; i < index->size(); ++i) {
      const Entry entry = index->entry(i);
      if (entry.type == Entry::Type::file) check_file(view, entry);
    }
    return true;
  }

  void check_file(const StackView& view, const Entry& entry) {
    const FileDescriptor file(view.open(entry));
    Hasher hasher;
    std::uint64_t size = 0;
    for (;;) {
      const ssize_t got = ::read(file.get(), buffer_.data(), buffer_.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw system_error("read", entry.path, errno);
      if (got == 0) break;
      hasher.update(std::span(buffer_.data(), static_cast<std::size_t>(got)));
      size += static_cast<std::uint64_t>(got);
    }
    result_.bytes += size;
    if (size != entry.size || hasher.finish() != entry.content) {
      throw Error("the content of " + quoted(entry.path) + " has changed");
    }
  }

  // What lies in layers/ without a row: the rest of a process that was killed before it wrote one.
  void check_leftovers() {
    for (const auto& file : fs::directory_iterator(state_.layers())) {
      const auto id = Digest::parse_hex(file.path().stem().string());
      if (id) {
        // Whoever is making this layer holds its lock until the row is there.
        const FileLock lock = state_.try_lock("layer-" + id->hex());
        if (!lock) continue;
        Query query(database_, "SELECT 1 FROM layers WHERE diff_id = ?");
        query.bind(*id);
        if (query.step()) continue;
      }
      if (!is_there(file.path())) continue;  // it is being removed (room/holds.hpp)
      found(quoted(file.path().string()) + " belongs to nothing");
      if (repair_) remove(file.path());
    }
  }

  void check_blobs() {
    for (const auto& file : fs::directory_iterator(state_.blobs())) {
      const auto digest = Digest::parse_hex(file.path().filename().string());
      if (!digest) {
        found(quoted(file.path().string()) + " is no blob");
        if (repair_) remove(file.path());
        continue;
      }
      state_.holds().hold(*digest);
      if (!is_there(file.path())) continue;  // it was just removed
      ++result_.blobs;
      try {
        const auto blob = blobs_.open(*digest);  // verifies at its end
        while (const std::size_t got = blob->read(buffer_)) result_.bytes += got;
      } catch (const Error& error) {
        found("blob " + digest->text() + ": " + error.what());
        if (!repair_) continue;
        remove(file.path());
        Query(database_, "UPDATE layers SET blob = NULL, blob_size = 0 WHERE blob = ?")
            .bind(*digest)
            .run();
      }
    }
  }

  void check_images() {
    for (const Digest& id : digests("SELECT id FROM images ORDER BY number")) {
      Transaction still(database_);  // what is read of it is of one moment
      if (!exists("SELECT 1 FROM images WHERE id = ?", id)) continue;
      ++result_.images;
      try {
        if (!images_.find(id)) throw Error("it is gone");
      } catch (const Error& error) {
        std::string names;
        for (const Reference& name : images_.names(id)) names += " " + name.familiar();
        found("image " + id.text() + names + ": " + error.what());
        if (repair_) images_.remove(id);
      }
      still.commit();
    }
  }

  void check_indexes() {
    for (const Digest& id : digests("SELECT id FROM indexes ORDER BY number")) {
      Transaction still(database_);
      if (!exists("SELECT 1 FROM indexes WHERE id = ?", id)) continue;
      try {
        if (!images_.find_index(id)) throw Error("it has no images");
      } catch (const Error& error) {
        found("index " + id.text() + ": " + error.what());
        if (repair_) Query(database_, "DELETE FROM indexes WHERE id = ?").bind(id).run();
      }
      still.commit();
    }
  }

  void check_records() {
    {
      Query query(database_, "SELECT count(*) FROM records");
      if (query.step()) result_.records = static_cast<std::size_t>(query.integer(0));
    }
    // Not a damage: a record whose layer was dropped is a miss, and goes when it is looked up.
    if (repair_) {
      Query(database_, "DELETE FROM records WHERE layer NOT IN (SELECT diff_id FROM layers)").run();
    }
  }

  void check_failed_steps() {
    const auto has_layer = [this](const DiffId& id) { return layers_.find(id).has_value(); };
    for (std::string& problem : FailedSteps(state_).check(repair_, has_layer)) {
      found(std::move(problem));
    }
  }

  // Behind the layers, whose damage they are told of.
  void check_containers() {
    ContainersCheck check = slipway::check_containers(state_, database_, repair_);
    result_.containers = check.containers;
    result_.volumes = check.volumes;
    for (std::string& problem : check.problems) found(std::move(problem));
  }

  void remove(const fs::path& path) {
    const std::error_code error = remove_tree(path);
    if (error) found("cannot remove " + quoted(path.string()) + ": " + error.message());
  }

  StateDirectory state_;
  Database database_;
  BlobStore blobs_;
  LayerStore layers_;
  ImageStore images_;
  const bool repair_;
  StoreCheck result_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(read_size);
};

}  // namespace

StoreCheck check_store(const fs::path& root, bool repair) {
  return StoreChecker(root, repair).run();
}

}  // namespace slipway
