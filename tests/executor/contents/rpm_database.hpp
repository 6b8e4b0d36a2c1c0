// rpm's database as rpm writes it: headers in a table of SQLite's.
#pragma once

#include "../../cache/temporary_folder.hpp"

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct RpmValue {
  std::uint32_t tag;
  std::string text;  // of a string
  std::uint32_t number = 0;
  bool is_number = false;
};

inline void put_big(std::string& bytes, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xFFU);
}

inline std::string rpm_header(const std::vector<RpmValue>& values) {
  std::string entries;
  std::string data;
  for (const RpmValue& value : values) {
    while (value.is_number && data.size() % 4 != 0) data += '\0';
    put_big(entries, value.tag);
    put_big(entries, value.is_number ? 4 : 6);
    put_big(entries, static_cast<std::uint32_t>(data.size()));
    put_big(entries, 1);
    if (value.is_number) {
      put_big(data, value.number);
    } else {
      data += value.text + '\0';
    }
  }
  std::string header;
  put_big(header, static_cast<std::uint32_t>(values.size()));
  put_big(header, static_cast<std::uint32_t>(data.size()));
  return header + entries + data;
}

// The file's bytes after these statements and with these headers.
inline std::string rpm_database(const std::vector<std::string>& headers,
                                const std::string& statements =
                                    "PRAGMA journal_mode=WAL;"
                                    "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT,"
                                    "blob BLOB NOT NULL)") {
  const TemporaryFolder folder;
  const std::string path = folder / "rpmdb.sqlite";
  sqlite3* database = nullptr;
  REQUIRE(::sqlite3_open(path.c_str(), &database) == SQLITE_OK);
  REQUIRE(::sqlite3_exec(database, statements.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  for (const std::string& header : headers) {
    sqlite3_stmt* insert = nullptr;
    REQUIRE(::sqlite3_prepare_v2(database, "INSERT INTO Packages (blob) VALUES (?)", -1, &insert,
                                 nullptr) == SQLITE_OK);
    ::sqlite3_bind_blob(insert, 1, header.data(), static_cast<int>(header.size()), SQLITE_STATIC);
    REQUIRE(::sqlite3_step(insert) == SQLITE_DONE);
    ::sqlite3_finalize(insert);
  }
  ::sqlite3_close(database);  // the log goes into the file
  return folder.read("rpmdb.sqlite");
}
