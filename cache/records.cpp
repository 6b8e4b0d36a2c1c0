// Records in the database.
//
// `parts` is, for each part, the length of its label, the label, the length of its value, the
// value; lengths are LEB128. The key is their hash already, so nothing is hashed here.
#include <cache/records.hpp>

#include <cache/database.hpp>
#include <ir/error.hpp>

namespace slipway {
namespace {

// Keys whose eviction is remembered: some megabytes.
constexpr std::int64_t most_evictions = 50'000;

void append(std::string& bytes, std::string_view text) {
  std::size_t length = text.size();
  for (; length >= 0x80; length >>= 7) bytes += static_cast<char>(length | 0x80);
  bytes += static_cast<char>(length);
  bytes += text;
}

std::string encode(const KeyParts& parts) {
  std::string bytes;
  for (const KeyPart& part : parts) {
    append(bytes, part.label);
    append(bytes, part.value);
  }
  return bytes;
}

// Empty: the bytes are damaged.
std::optional<std::string> take(std::string_view& bytes) {
  std::uint64_t length = 0;
  for (unsigned shift = 0;; shift += 7) {
    if (bytes.empty() || shift > 56) return std::nullopt;
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    length |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) break;
  }
  if (length > bytes.size()) return std::nullopt;
  std::string text(bytes.substr(0, length));
  bytes.remove_prefix(length);
  return text;
}

std::optional<KeyParts> decode(std::string_view bytes) {
  KeyParts parts;
  while (!bytes.empty()) {
    std::optional<std::string> label = take(bytes);
    if (!label) return std::nullopt;
    std::optional<std::string> value = take(bytes);
    if (!value) return std::nullopt;
    parts.push_back({std::move(*label), std::move(*value)});
  }
  return parts;
}

#define RECORD_COLUMNS                                                                          \
  "records.key, parts, layer, records.tree, records.size, created, duration, last_used, step, " \
  "ran, uses, hearsay"

std::optional<Record> read_row(const Query& query) {
  std::optional<KeyParts> parts = decode(query.blob(1));
  if (!parts) return std::nullopt;
  Record record;
  record.key = CacheKey{query.digest(0)};
  record.parts = std::move(*parts);
  record.layer = {DiffId{query.digest(2)}, TreeDigest{query.digest(3)},
                  static_cast<std::uint64_t>(query.integer(4))};
  record.created = query.integer(5);
  record.duration = query.integer(6);
  record.last_used = query.integer(7);
  record.step = query.text(8);
  record.ran = query.integer(9);
  record.uses = query.integer(10);
  record.hearsay = query.integer(11) != 0;
  return record;
}

}  // namespace

RecordStore::RecordStore(Database& database) : database_(database) {}

std::optional<Record> RecordStore::find(const CacheKey& key) {
  {
    Query query(database_, "SELECT " RECORD_COLUMNS
                           ", EXISTS (SELECT 1 FROM layers WHERE diff_id = records.layer) "
                           "FROM records WHERE key = ?");
    if (!query.bind(key.digest).step()) return std::nullopt;
    if (query.integer(12) != 0)
      if (std::optional<Record> record = read_row(query)) return record;
  }
  // Asked again, because another process may have stored the layer and this record meanwhile.
  Query(database_,
        "DELETE FROM records WHERE key = ? AND "
        "NOT EXISTS (SELECT 1 FROM layers WHERE diff_id = records.layer)")
      .bind(key.digest)
      .run();
  return std::nullopt;
}

void RecordStore::put(const Record& record, const std::vector<RecordedFiles>& files) {
  Transaction transaction(database_);
  // With it go the lists of the record that is replaced.
  Query(database_,
        "INSERT OR REPLACE INTO records (key, parts, layer, tree, size, created, duration, "
        "last_used, step, ran, uses, hearsay) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .bind(record.key.digest)
      .bind_blob(encode(record.parts))
      .bind(record.layer.diff_id.digest)
      .bind(record.layer.tree.digest)
      .bind(record.layer.size)
      .bind(record.created)
      .bind(record.duration)
      .bind(record.last_used)
      .bind(record.step)
      .bind(record.ran)
      .bind(record.uses)
      .bind(std::int64_t{record.hearsay ? 1 : 0})
      .run();
  for (const RecordedFiles& one : files)
    Query(database_, "INSERT OR REPLACE INTO record_files (key, part, list) VALUES (?, ?, ?)")
        .bind(record.key.digest)
        .bind(one.part)
        .bind_blob(one.list)
        .run();
  Query(database_, "DELETE FROM evictions WHERE key = ?").bind(record.key.digest).run();
  transaction.commit();
}

std::string RecordStore::files(const CacheKey& key, std::string_view part) {
  Query query(database_, "SELECT list FROM record_files WHERE key = ? AND part = ?");
  if (!query.bind(key.digest).bind(part).step()) return {};
  return query.blob(0);
}

std::vector<RecordedFiles> RecordStore::files(const CacheKey& key) {
  Query query(database_, "SELECT part, list FROM record_files WHERE key = ? ORDER BY part");
  query.bind(key.digest);
  std::vector<RecordedFiles> lists;
  while (query.step()) lists.push_back({query.text(0), query.blob(1)});
  return lists;
}

std::optional<Record> RecordStore::peek(const CacheKey& key) {
  Query query(database_, "SELECT " RECORD_COLUMNS " FROM records WHERE key = ?");
  if (!query.bind(key.digest).step()) return std::nullopt;
  return read_row(query);
}

std::optional<RecordStore::Eviction> RecordStore::eviction(const CacheKey& key) {
  Query query(database_, "SELECT at, rule FROM evictions WHERE key = ?");
  if (!query.bind(key.digest).step()) return std::nullopt;
  return Eviction{query.integer(0), query.text(1)};
}

void RecordStore::evicted(const std::vector<CacheKey>& keys, std::string_view rule) {
  if (keys.empty()) return;
  Transaction transaction(database_);
  for (const CacheKey& key : keys)
    Query(database_, "INSERT OR REPLACE INTO evictions (key, at, rule) VALUES (?, unixepoch(), ?)")
        .bind(key.digest)
        .bind(rule)
        .run();
  Query(database_, "DELETE FROM evictions WHERE rowid <= (SELECT max(rowid) FROM evictions) - ?")
      .bind(most_evictions)
      .run();
  transaction.commit();
}

void RecordStore::touch(const std::vector<CacheKey>& used) {
  if (used.empty()) return;
  Transaction transaction(database_);
  for (const CacheKey& key : used)
    Query(database_, "UPDATE records SET last_used = unixepoch(), uses = uses + 1 WHERE key = ?")
        .bind(key.digest)
        .run();
  transaction.commit();
}

void RecordStore::remember(const std::vector<Place>& places) {
  if (places.empty()) return;
  Transaction transaction(database_);
  for (const Place& place : places)
    Query(database_,
          "INSERT INTO places (place, key) VALUES (?, ?) "
          "ON CONFLICT (place) DO UPDATE SET key = excluded.key")
        .bind(place.place)
        .bind(place.key.digest)
        .run();
  transaction.commit();
}

std::optional<Record> RecordStore::last_at(std::string_view place) {
  Query query(database_, "SELECT " RECORD_COLUMNS
                         " FROM places JOIN records ON records.key = places.key WHERE place = ?");
  if (!query.bind(place).step()) return std::nullopt;
  return read_row(query);
}

std::vector<RecordStore::Step> RecordStore::steps_below(std::string_view prefix) {
  if (prefix.empty()) return {};
  // Not with LIKE, to which a folder's name may be a pattern.
  std::string behind(prefix);
  ++behind.back();
  Query query(database_,
              "SELECT place, step FROM places JOIN records ON records.key = places.key "
              "WHERE place >= ? AND place < ?");
  query.bind(prefix).bind(behind);
  std::vector<Step> steps;
  while (query.step()) steps.push_back({query.text(0), query.text(1)});
  return steps;
}

std::int64_t RecordStore::newest() {
  Query query(database_, "SELECT max(rowid) FROM records");
  return query.step() ? query.integer(0) : 0;
}

std::vector<RecordStore::Numbered> RecordStore::numbered_up_to(std::int64_t number,
                                                               std::size_t most) {
  Query query(database_,
              "SELECT rowid, step FROM records WHERE rowid <= ? ORDER BY rowid DESC LIMIT ?");
  query.bind(number).bind(static_cast<std::uint64_t>(most));
  std::vector<Numbered> list;
  while (query.step()) list.push_back({query.integer(0), query.text(1)});
  return list;
}

std::optional<Record> RecordStore::numbered(std::int64_t number) {
  Query query(database_, "SELECT " RECORD_COLUMNS " FROM records WHERE rowid = ?");
  if (!query.bind(number).step()) return std::nullopt;
  return read_row(query);
}

std::vector<Record> RecordStore::with_prefix(std::string_view hex, std::size_t most) {
  Query query(database_, "SELECT " RECORD_COLUMNS
                         " FROM records WHERE lower(hex(key)) >= ? AND lower(hex(key)) < ? || 'g' "
                         "ORDER BY key LIMIT ?");
  query.bind(hex).bind(hex).bind(static_cast<std::uint64_t>(most));
  std::vector<Record> found;
  while (query.step())
    if (std::optional<Record> record = read_row(query)) found.push_back(std::move(*record));
  return found;
}

std::vector<Record> RecordStore::of_layer(const DiffId& layer, std::size_t most) {
  Query query(database_, "SELECT " RECORD_COLUMNS
                         " FROM records WHERE layer = ? ORDER BY last_used DESC, key LIMIT ?");
  query.bind(layer.digest).bind(static_cast<std::uint64_t>(most));
  std::vector<Record> found;
  while (query.step())
    if (std::optional<Record> record = read_row(query)) found.push_back(std::move(*record));
  return found;
}

}  // namespace slipway
