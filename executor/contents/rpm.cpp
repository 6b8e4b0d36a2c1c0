// rpm's database in the form of SQLite. The library reads it from memory, where nothing can change
// it, with all that a database of a stranger's could use switched off.
#include <executor/contents/formats.hpp>

#include <ir/error.hpp>

#include <sqlite3.h>

#include <cstdint>
#include <memory>

namespace slipway {
namespace {

constexpr int most_blob_bytes = 64 << 20;
constexpr std::size_t most_notes = 10;
// Steps of SQLite's machine: a query of a whole database of 10,000 packages takes some 100,000.
constexpr int steps_between_calls = 100'000;
constexpr int most_calls = 1000;
// Of all headers together. The steps do not count them, and in a malformed database any number of
// rows may have the same long one.
constexpr std::uint64_t most_header_bytes = std::uint64_t{1} << 30;

struct Close {
  void operator()(sqlite3* database) const { ::sqlite3_close_v2(database); }
  void operator()(sqlite3_stmt* statement) const { ::sqlite3_finalize(statement); }
};

int count_steps(void* calls) {
  return ++*static_cast<int*>(calls) > most_calls ? 1 : 0;
}

}  // namespace

std::vector<Package> read_rpm_database(std::string bytes, std::vector<std::string>& notes) {
  constexpr std::string_view magic("SQLite format 3\0", 16);
  if (bytes.size() < 100 || std::string_view(bytes).substr(0, 16) != magic)
    throw Error("it is no database of SQLite");
  // "Write and read version": rpm's is one with a write-ahead log, which a database in memory
  // cannot have. What is in the log and not in the file is not seen.
  bytes[18] = bytes[19] = 1;

  sqlite3* opened = nullptr;
  const int result =
      ::sqlite3_open_v2(":memory:", &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  const std::unique_ptr<sqlite3, Close> database(opened);
  if (result != SQLITE_OK) throw Error("SQLite cannot be started");
  int calls = 0;
  ::sqlite3_progress_handler(opened, steps_between_calls, count_steps, &calls);
  ::sqlite3_limit(opened, SQLITE_LIMIT_LENGTH, most_blob_bytes);
  ::sqlite3_limit(opened, SQLITE_LIMIT_ATTACHED, 0);
  ::sqlite3_db_config(opened, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  ::sqlite3_db_config(opened, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  ::sqlite3_db_config(opened, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  ::sqlite3_db_config(opened, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  const auto size = static_cast<sqlite3_int64>(bytes.size());
  if (::sqlite3_deserialize(opened, "main", reinterpret_cast<unsigned char*>(bytes.data()), size,
                            size, SQLITE_DESERIALIZE_READONLY) != SQLITE_OK)
    throw Error("SQLite does not read it");
  ::sqlite3_exec(opened, "PRAGMA cell_size_check=ON", nullptr, nullptr, nullptr);

  const auto prepare = [&](const char* query) {
    sqlite3_stmt* prepared = nullptr;
    ::sqlite3_prepare_v2(opened, query, -1, &prepared, nullptr);
    return std::unique_ptr<sqlite3_stmt, Close>(prepared);
  };
  // A virtual table, which has no page, would be code that runs.
  const auto is_table = prepare(
      "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'Packages' AND rootpage > 0");
  if (!is_table || ::sqlite3_step(is_table.get()) != SQLITE_ROW)
    throw Error("it has no table of packages");
  const auto statement = prepare("SELECT blob FROM Packages");
  if (!statement) throw Error("its table of packages is another one than rpm's");
  sqlite3_stmt* const prepared = statement.get();

  std::vector<Package> packages;
  std::size_t bad = 0;
  std::uint64_t taken = 0;
  int step = SQLITE_ROW;
  while (packages.size() <= most_packages && (step = ::sqlite3_step(prepared)) == SQLITE_ROW) {
    const void* blob = ::sqlite3_column_blob(prepared, 0);
    const auto length = static_cast<std::size_t>(::sqlite3_column_bytes(prepared, 0));
    taken += length;
    if (taken > most_header_bytes) {
      notes.push_back("its headers have too many bytes, so a part is missing");
      break;
    }
    try {
      if (auto package = read_rpm_header({static_cast<const std::byte*>(blob), length}))
        packages.push_back(std::move(*package));
    } catch (const Error& error) {
      if (++bad <= most_notes) notes.push_back(error.what());
    }
  }
  if (step == SQLITE_INTERRUPT) notes.push_back("it takes too long to read, so a part is missing");
  if (step != SQLITE_DONE && step != SQLITE_ROW && step != SQLITE_INTERRUPT)
    notes.push_back("it is damaged, so a part is missing");
  return packages;
}

}  // namespace slipway
