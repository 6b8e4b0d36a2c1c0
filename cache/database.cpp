#include <cache/database.hpp>

#include <ir/error.hpp>

#include <sqlite3.h>

#include <chrono>
#include <fstream>
#include <limits>
#include <thread>
#include <unordered_map>

namespace slipway {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds patience = 60s;

// PRAGMA user_version of the schema below. A migration from n to n + 1 is an entry of
// `migrations`; the first makes all of it.
constexpr const char* migrations[] = {
    // Times are seconds since the epoch, durations nanoseconds, sizes bytes, digests 32 bytes.
    //
    // layers     one row a complete layer: directory and index lie in layers/ before the row is
    //            written, so what lies there without a row is the rest of a killed process, or of
    //            one whose data was lost, and whoever makes that layer replaces it.
    //   number     counts up and is never used again: what came before a sync has a smaller one
    //   canonical  its tar can be made again from the tree, byte for byte
    //   blob       the blob it was read from, if that is kept
    //   boot       the boot it was written in, until a sync made it durable; then empty. A row of
    //              an earlier boot is dropped when the database is opened.
    // records    cache keys and what they gave. `parts` is described in records.cpp. The layer's
    //            tree and size stand here too, so that a record is whole without the layer.
    // places     which key a step of a Dockerfile had in the last build
    // images     configs by their digest, in order of arrival (`number`)
    // image_layers  what a config lists, so that a table of images needs no JSON
    // tags       references as Reference::text() writes them
    R"sql(
    CREATE TABLE layers (
      number INTEGER PRIMARY KEY AUTOINCREMENT,
      diff_id BLOB NOT NULL UNIQUE,
      tree BLOB NOT NULL,
      size INTEGER NOT NULL,
      canonical INTEGER NOT NULL,
      blob BLOB,
      created INTEGER NOT NULL,
      boot TEXT NOT NULL
    );
    CREATE INDEX layers_not_durable ON layers (boot) WHERE boot <> '';
    CREATE INDEX layers_by_tree ON layers (tree);
    CREATE TABLE records (
      key BLOB PRIMARY KEY NOT NULL,
      parts BLOB NOT NULL,
      layer BLOB NOT NULL,
      tree BLOB NOT NULL,
      size INTEGER NOT NULL,
      created INTEGER NOT NULL,
      duration INTEGER NOT NULL,
      last_used INTEGER NOT NULL,
      step TEXT NOT NULL
    );
    CREATE TABLE places (
      place TEXT PRIMARY KEY NOT NULL,
      key BLOB NOT NULL
    );
    CREATE TABLE images (
      number INTEGER PRIMARY KEY AUTOINCREMENT,
      id BLOB NOT NULL UNIQUE,
      config BLOB NOT NULL,
      created INTEGER NOT NULL
    );
    CREATE TABLE image_layers (
      image BLOB NOT NULL REFERENCES images (id) ON DELETE CASCADE,
      position INTEGER NOT NULL,
      layer BLOB NOT NULL,
      PRIMARY KEY (image, position)
    ) WITHOUT ROWID;
    CREATE INDEX image_layers_by_layer ON image_layers (layer);
    CREATE TABLE tags (
      name TEXT PRIMARY KEY NOT NULL,
      image BLOB NOT NULL REFERENCES images (id) ON DELETE CASCADE
    ) WITHOUT ROWID;
    CREATE INDEX tags_by_image ON tags (image);
    )sql",
    // http_answers  what URLs (by the sha256 of their text) held, and the validators to ask with
    R"sql(
    CREATE TABLE http_answers (
      number INTEGER PRIMARY KEY AUTOINCREMENT,
      url BLOB NOT NULL,
      etag TEXT NOT NULL,
      modified TEXT NOT NULL,
      content BLOB NOT NULL
    );
    CREATE INDEX http_answers_by_url ON http_answers (url);
    )sql",
    // record_files  what the digests of files among a record's parts were made of
    R"sql(
    CREATE TABLE record_files (
      key BLOB NOT NULL REFERENCES records (key) ON DELETE CASCADE,
      part TEXT NOT NULL,
      list BLOB NOT NULL,
      PRIMARY KEY (key, part)
    );
    )sql",
    // indexes       images of several platforms under one name, in order of arrival (`number`)
    // index_images  what each consists of
    // index_tags    names of indexes; a name is in this table or in `tags`
    R"sql(
    CREATE TABLE indexes (
      number INTEGER PRIMARY KEY AUTOINCREMENT,
      id BLOB NOT NULL UNIQUE
    );
    CREATE TABLE index_images (
      id BLOB NOT NULL REFERENCES indexes (id) ON DELETE CASCADE,
      position INTEGER NOT NULL,
      image BLOB NOT NULL REFERENCES images (id),
      PRIMARY KEY (id, position)
    ) WITHOUT ROWID;
    CREATE INDEX index_images_by_image ON index_images (image);
    CREATE TABLE index_tags (
      name TEXT PRIMARY KEY NOT NULL,
      id BLOB NOT NULL REFERENCES indexes (id) ON DELETE CASCADE
    ) WITHOUT ROWID;
    CREATE INDEX index_tags_by_id ON index_tags (id);
    )sql",
    // records.ran   when the step was executed last; the layer may be older (early cut-off)
    // records.uses  how often it was a hit
    // records.hearsay  1: a shared cache said it, without a signature that was checked
    // evictions     keys whose records were removed, when, and by which rule, for explaining misses
    // cache_mounts  what RUN --mount=type=cache keeps, by the digest that names its directory
    // layer_blobs   which blob a layer is under a compression, whether it is kept or not
    // builds        reports of the last builds, as JSON (frontend/cli/cache_report)
    // layers.blob_size  of the blob; 0: not known
    // settings      what `slipway config` keeps
    // sizes         of folders that nobody counts while they grow, by their path below the root, as
    //               they were when somebody last walked through them
    R"sql(
    ALTER TABLE records ADD COLUMN ran INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE records ADD COLUMN uses INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE records ADD COLUMN hearsay INTEGER NOT NULL DEFAULT 0;
    UPDATE records SET ran = created;
    CREATE INDEX records_by_layer ON records (layer);
    CREATE TABLE evictions (
      key BLOB PRIMARY KEY NOT NULL,
      at INTEGER NOT NULL,
      rule TEXT NOT NULL
    );
    CREATE TABLE cache_mounts (
      digest BLOB PRIMARY KEY NOT NULL,
      id TEXT NOT NULL,
      created INTEGER NOT NULL,
      last_used INTEGER NOT NULL
    );
    CREATE TABLE layer_blobs (
      diff_id BLOB NOT NULL,
      compression TEXT NOT NULL,
      digest BLOB NOT NULL,
      size INTEGER NOT NULL,
      PRIMARY KEY (diff_id, compression)
    );
    CREATE TABLE builds (
      number INTEGER PRIMARY KEY AUTOINCREMENT,
      place TEXT NOT NULL,
      ended INTEGER NOT NULL,
      report TEXT NOT NULL
    );
    ALTER TABLE layers ADD COLUMN blob_size INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX layers_by_size ON layers (size, blob_size);
    CREATE TABLE settings (
      name TEXT PRIMARY KEY NOT NULL,
      value TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE sizes (
      path TEXT PRIMARY KEY NOT NULL,
      size INTEGER NOT NULL,
      files INTEGER NOT NULL,
      measured INTEGER NOT NULL
    ) WITHOUT ROWID;
    )sql",
    // image_manifests  the manifest that an image came as, so that it can be given on unchanged
    // image_digests    what a repository has for an image or index of the store
    // ("docker.io/library/x")
    // attachments      what was said of an image or index when it was built, as JSON
    // (images/facts.cpp)
    // blob_places      repositories that are known to have a blob, for mounting it into another one
    // uploads          where a blob's upload goes on that was begun and not ended
    R"sql(
    CREATE TABLE image_manifests (
      image BLOB PRIMARY KEY NOT NULL REFERENCES images (id) ON DELETE CASCADE,
      media_type TEXT NOT NULL,
      json BLOB NOT NULL
    );
    CREATE TABLE image_digests (
      id BLOB NOT NULL,
      repository TEXT NOT NULL,
      digest BLOB NOT NULL,
      PRIMARY KEY (id, repository, digest)
    ) WITHOUT ROWID;
    CREATE TABLE attachments (
      id BLOB PRIMARY KEY NOT NULL,
      json TEXT NOT NULL
    );
    CREATE TRIGGER image_is_gone AFTER DELETE ON images BEGIN
      DELETE FROM image_digests WHERE id = OLD.id;
      DELETE FROM attachments WHERE id = OLD.id;
    END;
    CREATE TRIGGER index_is_gone AFTER DELETE ON indexes BEGIN
      DELETE FROM image_digests WHERE id = OLD.id;
      DELETE FROM attachments WHERE id = OLD.id;
    END;
    CREATE TABLE blob_places (
      digest BLOB NOT NULL,
      domain TEXT NOT NULL,
      repository TEXT NOT NULL,
      seen INTEGER NOT NULL,
      PRIMARY KEY (digest, domain, repository)
    ) WITHOUT ROWID;
    CREATE TABLE uploads (
      digest BLOB NOT NULL,
      domain TEXT NOT NULL,
      repository TEXT NOT NULL,
      location TEXT NOT NULL,
      began INTEGER NOT NULL,
      PRIMARY KEY (digest, domain, repository)
    ) WITHOUT ROWID;
    )sql",
    // tags.tagged, index_tags.tagged  when the name was given; 0: before that was kept
    // images_by_time  lists images without reading what stands behind their configs
    R"sql(
    CREATE INDEX images_by_time ON images (created, id);
    ALTER TABLE tags ADD COLUMN tagged INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE index_tags ADD COLUMN tagged INTEGER NOT NULL DEFAULT 0;
    )sql",
    // containers         what `create` has decided, in order of arrival (containers/config.cpp)
    // container_layers   what they stand on: kept as long as they are
    // container_volumes  the volumes that they mount
    // volumes, networks  by their names; labels as JSON
    R"sql(
    CREATE TABLE containers (
      number INTEGER PRIMARY KEY AUTOINCREMENT,
      id TEXT NOT NULL UNIQUE,
      name TEXT NOT NULL UNIQUE,
      image BLOB NOT NULL,
      image_name TEXT NOT NULL,
      created INTEGER NOT NULL,
      config BLOB NOT NULL
    );
    CREATE INDEX containers_by_image ON containers (image);
    CREATE TABLE container_layers (
      container TEXT NOT NULL REFERENCES containers (id) ON DELETE CASCADE,
      position INTEGER NOT NULL,
      layer BLOB NOT NULL,
      tree BLOB NOT NULL,
      size INTEGER NOT NULL,
      PRIMARY KEY (container, position)
    ) WITHOUT ROWID;
    CREATE INDEX container_layers_by_layer ON container_layers (layer);
    CREATE TABLE container_volumes (
      container TEXT NOT NULL REFERENCES containers (id) ON DELETE CASCADE,
      volume TEXT NOT NULL,
      PRIMARY KEY (container, volume)
    ) WITHOUT ROWID;
    CREATE INDEX container_volumes_by_volume ON container_volumes (volume);
    CREATE TABLE volumes (
      name TEXT PRIMARY KEY NOT NULL,
      created INTEGER NOT NULL,
      anonymous INTEGER NOT NULL,
      labels TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE networks (
      id TEXT PRIMARY KEY NOT NULL,
      name TEXT NOT NULL UNIQUE,
      created INTEGER NOT NULL,
      subnet TEXT NOT NULL UNIQUE,
      gateway TEXT NOT NULL,
      internal INTEGER NOT NULL,
      labels TEXT NOT NULL
    ) WITHOUT ROWID;
    )sql",
    // kept_layers  those that are no cache: an image has them, or a container stands on them
    R"sql(
    CREATE VIEW kept_layers AS
      SELECT layer FROM image_layers UNION ALL SELECT layer FROM container_layers;
    )sql",
};
constexpr int newest_version = sizeof migrations / sizeof *migrations;

std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  if (!std::getline(file, id) || id.empty())
    throw Error("cannot read /proc/sys/kernel/random/boot_id")
        .hint("slipway needs /proc to tell what a power failure may have damaged");
  return id;
}

}  // namespace

// Prepared statements that nobody uses at the moment. One that runs is not here, so the same SQL
// may run twice, one within the other.
struct Database::Statements {
  std::unordered_map<std::string_view, sqlite3_stmt*> idle;
  ~Statements() {
    for (const auto& [sql, statement] : idle) sqlite3_finalize(statement);
  }
};

Database::Database(const std::filesystem::path& file)
    : file_(file), boot_(boot_id()), statements_(std::make_unique<Statements>()) {
  const int opened =
      sqlite3_open_v2(file.c_str(), &connection_,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  try {
    if (opened != SQLITE_OK) fail("cannot open");
    create_or_migrate();
    // What an earlier boot left without a sync may be a name for blocks that were never written.
    Query lost(*this, "SELECT 1 FROM layers WHERE boot <> '' AND boot <> ? LIMIT 1");
    if (lost.bind(boot_).step())
      Query(*this, "DELETE FROM layers WHERE boot <> '' AND boot <> ?").bind(boot_).run();
  } catch (...) {
    statements_.reset();
    sqlite3_close_v2(connection_);
    throw;
  }
}

Database::~Database() {
  statements_.reset();
  sqlite3_close_v2(connection_);
}

void Database::create_or_migrate() {
  sqlite3_busy_timeout(connection_, static_cast<int>(patience.count()));
  // The change to WAL does not wait for other processes by itself.
  const auto deadline = std::chrono::steady_clock::now() + patience;
  int status = SQLITE_OK;
  do {
    status = sqlite3_exec(connection_, "PRAGMA journal_mode = WAL", nullptr, nullptr, nullptr);
    if (status == SQLITE_BUSY) std::this_thread::sleep_for(2ms);
  } while (status == SQLITE_BUSY && std::chrono::steady_clock::now() < deadline);
  if (status != SQLITE_OK) fail("cannot open");
  execute("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY");
  // Else the end of each command that is alone would empty the WAL, with two syncs that wait for
  // whatever the machine has to write. It is emptied when it is long; short, because who opens the
  // store first reads all of it.
  sqlite3_db_config(connection_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  execute("PRAGMA wal_autocheckpoint = 250");

  const auto version = [this] {
    Query query(*this, "PRAGMA user_version");
    query.step();
    return query.integer(0);
  };
  const std::int64_t found = version();
  if (found < 0 || found > newest_version)
    throw Error("the store's database " + quoted(file_.string()) + " has format " +
                std::to_string(found) + "; this slipway knows formats up to " +
                std::to_string(newest_version))
        .hint("use the newer slipway that wrote it, or give another --root");
  if (found == newest_version) return;

  Transaction transaction(*this);
  for (std::int64_t from = version(); from < newest_version; ++from) execute(migrations[from]);
  execute(("PRAGMA user_version = " + std::to_string(newest_version)).c_str());
  transaction.commit();
}

void Database::fail(std::string_view doing) const {
  const int code = sqlite3_errcode(connection_) & 0xff;
  Error error(std::string(doing) + " the store's database " + quoted(file_.string()) + ": " +
              sqlite3_errmsg(connection_));
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
    throw std::move(error).hint(
        "the file is damaged; move it and its -wal and -shm aside to start with an empty store");
  if (code == SQLITE_FULL) throw std::move(error).hint("free space on its file system");
  if (code == SQLITE_BUSY) throw std::move(error).hint("another process holds it; try again");
  if (code == SQLITE_READONLY || code == SQLITE_CANTOPEN || code == SQLITE_PERM)
    throw std::move(error).hint("slipway must be able to write there; see --root");
  throw error;
}

void Database::execute(const char* sql) {
  if (sqlite3_exec(connection_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail("cannot use");
}

std::int64_t Database::changes() const {
  return sqlite3_changes64(connection_);
}

std::string Database::check() {
  Query query(*this, "PRAGMA integrity_check");
  std::string complaints;
  while (query.step())
    if (const std::string line = query.text(0); line != "ok") complaints += line + "\n";
  return complaints;
}

Database::Query::Query(Database& database, std::string_view sql)
    : database_(database), lock_(database.mutex_), sql_(sql), statement_(nullptr) {
  auto& idle = database_.statements_->idle;
  if (const auto found = idle.find(sql); found != idle.end()) {
    statement_ = found->second;
    idle.erase(found);
    return;
  }
  if (sqlite3_prepare_v3(database_.connection_, sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &statement_, nullptr) != SQLITE_OK)
    database_.fail("cannot ask");
}

Database::Query::~Query() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  if (!database_.statements_->idle.emplace(sql_, statement_).second) sqlite3_finalize(statement_);
}

Query& Database::Query::bind(std::int64_t value) {
  if (sqlite3_bind_int64(statement_, ++bound_, value) != SQLITE_OK) database_.fail("cannot ask");
  return *this;
}

Query& Database::Query::bind(std::uint64_t value) {
  if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    throw Error("a number is too large for the store's database");
  return bind(static_cast<std::int64_t>(value));
}

Query& Database::Query::bind(std::string_view text) {
  // A null pointer would bind NULL; an empty view may have one.
  if (sqlite3_bind_text64(statement_, ++bound_, text.empty() ? "" : text.data(), text.size(),
                          SQLITE_TRANSIENT, SQLITE_UTF8) != SQLITE_OK)
    database_.fail("cannot ask");
  return *this;
}

Query& Database::Query::bind_blob(std::string_view bytes) {
  if (sqlite3_bind_blob64(statement_, ++bound_, bytes.empty() ? "" : bytes.data(), bytes.size(),
                          SQLITE_TRANSIENT) != SQLITE_OK)
    database_.fail("cannot ask");
  return *this;
}

Query& Database::Query::bind(const Digest& digest) {
  return bind_blob({reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()});
}

Query& Database::Query::bind(const std::optional<Digest>& digest) {
  if (digest) return bind(*digest);
  if (sqlite3_bind_null(statement_, ++bound_) != SQLITE_OK) database_.fail("cannot ask");
  return *this;
}

bool Database::Query::step() {
  const int status = sqlite3_step(statement_);
  if (status == SQLITE_ROW) return true;
  if (status != SQLITE_DONE) database_.fail("cannot use");
  return false;
}

void Database::Query::run() {
  while (step()) continue;
}

bool Database::Query::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::int64_t Database::Query::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string Database::Query::text(int column) const {
  const unsigned char* bytes = sqlite3_column_text(statement_, column);
  if (bytes == nullptr) return {};
  return {reinterpret_cast<const char*>(bytes),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::string Database::Query::blob(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  if (bytes == nullptr) return {};
  return {static_cast<const char*>(bytes),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Digest Database::Query::digest(int column) const {
  const std::string bytes = blob(column);
  Digest digest;
  if (bytes.size() != digest.bytes.size())
    throw Error("the store's database " + quoted(database_.file_.string()) +
                " holds a malformed digest")
        .hint("run `slipway fsck`");
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(digest.bytes.data()));
  return digest;
}

Database::Transaction::Transaction(Database& database)
    : database_(database), lock_(database.mutex_) {
  database_.execute(database_.depth_ == 0 ? "BEGIN IMMEDIATE" : "SAVEPOINT inner");
  ++database_.depth_;
}

Database::Transaction::~Transaction() {
  if (!open_) return;
  --database_.depth_;
  // Fails only where SQLite has rolled back by itself already, as on a full disk.
  sqlite3_exec(database_.connection_,
               database_.depth_ == 0 ? "ROLLBACK" : "ROLLBACK TO inner; RELEASE inner", nullptr,
               nullptr, nullptr);
}

void Database::Transaction::commit() {
  database_.execute(database_.depth_ == 1 ? "COMMIT" : "RELEASE inner");
  --database_.depth_;
  open_ = false;
}

}  // namespace slipway
