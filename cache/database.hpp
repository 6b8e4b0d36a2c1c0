// The store's database: SQLite, seen through three small types.
//
// One connection a process, behind a recursive mutex: a Query and a Transaction hold it as long as
// they live, so any number of threads may use one Database, one at a time. Statements are
// prepared once and kept. Other processes wait for each other, up to a minute.
//
// A commit is atomic at once and survives kill -9; it survives a power failure when the file
// system was synced afterwards (Store::sync).
#pragma once

#include <ir/digest.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace slipway {

class Database {
 public:
  // Opens the file, or makes it with the schema of database.cpp. Throws Error if it is damaged,
  // is no database, or was written by a newer slipway.
  explicit Database(const std::filesystem::path& file);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // One run of a statement: bound in the order of its question marks, then stepped and read.
  //   Query query(database, "SELECT tree, size FROM layers WHERE diff_id = ?");
  //   query.bind(id.digest);
  //   while (query.step()) ... query.digest(0), query.integer(1)
  // All of it throws Error.
  class [[nodiscard]] Query {
   public:
    // The statement is kept under `sql`; it is a literal, values are bound.
    Query(Database& database, std::string_view sql);
    ~Query();
    Query(const Query&) = delete;
    Query& operator=(const Query&) = delete;

    Query& bind(std::int64_t value);
    Query& bind(std::uint64_t value);  // at most 2^63 - 1
    Query& bind(std::string_view text);
    Query& bind(const char* text) { return bind(std::string_view(text)); }
    Query& bind(const Digest& digest);  // as its 32 bytes
    Query& bind(const std::optional<Digest>& digest);  // NULL if empty
    Query& bind_blob(std::string_view bytes);

    bool step();  // true: there is a row to read
    void run();   // for what gives no rows

    bool is_null(int column) const;
    std::int64_t integer(int column) const;
    std::string text(int column) const;
    std::string blob(int column) const;
    Digest digest(int column) const;

   private:
    Database& database_;
    std::unique_lock<std::recursive_mutex> lock_;
    std::string_view sql_;
    sqlite3_stmt* statement_;
    int bound_ = 0;
  };

  // Rolled back at the end of its scope unless committed. Takes the write lock at once, so that
  // what is read in it still holds when it is written. One within another is a part of that one,
  // and can be rolled back alone.
  class [[nodiscard]] Transaction {
   public:
    explicit Transaction(Database& database);
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    void commit();

   private:
    Database& database_;
    std::unique_lock<std::recursive_mutex> lock_;
    bool open_ = true;
  };

  // Rows the last INSERT, UPDATE or DELETE of this process changed.
  std::int64_t changes() const;

  // The machine's boot, as layers.boot names it.
  const std::string& boot() const { return boot_; }

  // Every complaint of SQLite's own integrity check, one a line; empty if there is none.
  std::string check();

 private:
  struct Statements;
  [[noreturn]] void fail(std::string_view doing) const;
  void execute(const char* sql);
  void create_or_migrate();

  std::filesystem::path file_;
  std::string boot_;
  sqlite3* connection_ = nullptr;
  // Guards the connection and all below.
  std::recursive_mutex mutex_;
  std::unique_ptr<Statements> statements_;
  int depth_ = 0;  // of open transactions
};

using Query = Database::Query;
using Transaction = Database::Transaction;

}  // namespace slipway
