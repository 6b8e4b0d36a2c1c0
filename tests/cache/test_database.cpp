#include "child_process.hpp"
#include "temporary_folder.hpp"

#include <cache/database.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <thread>
#include <vector>

using namespace slipway;

namespace {

void remember(Database& database, std::string_view place, const Digest& key) {
  Query(database, "INSERT INTO places (place, key) VALUES (?, ?)").bind(place).bind(key).run();
}

std::int64_t count_places(Database& database) {
  Query query(database, "SELECT count(*) FROM places");
  REQUIRE(query.step());
  return query.integer(0);
}

void add_layer(Database& database, std::string_view name, std::string_view boot) {
  Query(database,
        "INSERT INTO layers (diff_id, tree, size, canonical, created, boot) "
        "VALUES (?, ?, 1, 1, 0, ?)")
      .bind(sha256(name))
      .bind(sha256(name))
      .bind(boot)
      .run();
}

}  // namespace

TEST_CASE("what is written is read back, zero bytes and empty values included") {
  TemporaryFolder folder;
  Database database(folder / "slipway.db");
  const std::string odd("a\0b'\"\xff", 6);
  Query(database,
        "INSERT INTO records (key, parts, layer, tree, size, created, duration, last_used, step) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .bind(sha256("key"))
      .bind_blob(odd)
      .bind(sha256("layer"))
      .bind(sha256("tree"))
      .bind(std::uint64_t{1} << 40)
      .bind(std::int64_t{-5})
      .bind(std::int64_t{0})
      .bind(std::int64_t{0})
      .bind("")
      .run();
  Query query(database, "SELECT key, parts, size, created, step FROM records");
  REQUIRE(query.step());
  CHECK(query.digest(0) == sha256("key"));
  CHECK(query.blob(1) == odd);
  CHECK(query.integer(2) == std::int64_t{1} << 40);
  CHECK(query.integer(3) == -5);
  CHECK(query.text(4) == "");
  CHECK_THROWS_AS((void)query.digest(1), Error);
  CHECK_FALSE(query.step());
}

TEST_CASE("a statement runs within a run of itself") {
  TemporaryFolder folder;
  Database database(folder / "slipway.db");
  for (const char* place : {"a", "b", "c"}) remember(database, place, sha256(place));
  const auto sql = "SELECT place FROM places ORDER BY place";
  int pairs = 0;
  Query outer(database, sql);
  while (outer.step()) {
    Query inner(database, sql);
    while (inner.step()) ++pairs;
  }
  CHECK(pairs == 9);
}

TEST_CASE("a transaction that is not committed leaves no trace, an inner one alone") {
  TemporaryFolder folder;
  Database database(folder / "slipway.db");
  {
    Transaction dropped(database);
    remember(database, "dropped", sha256("1"));
  }
  CHECK(count_places(database) == 0);
  {
    Transaction outer(database);
    remember(database, "outer", sha256("1"));
    {
      Transaction inner(database);
      remember(database, "inner", sha256("1"));
    }
    {
      Transaction inner(database);
      remember(database, "kept", sha256("1"));
      inner.commit();
    }
    outer.commit();
  }
  CHECK(count_places(database) == 2);
}

TEST_CASE("threads and processes write side by side and lose nothing") {
  TemporaryFolder folder;
  const auto write_hundred = [&](const std::string& name) {
    Database database(folder / "slipway.db");
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t)
      threads.emplace_back([&database, prefix = name + "-" + std::to_string(t) + "-"] {
        for (int i = 0; i < 50; ++i) {
          Transaction transaction(database);
          remember(database, prefix + std::to_string(i), sha256("x"));
          transaction.commit();
        }
      });
    for (std::thread& thread : threads) thread.join();
    return true;
  };
  ChildProcess first([&](const ChildProcess&) { return write_hundred("first"); });
  ChildProcess second([&](const ChildProcess&) { return write_hundred("second"); });
  CHECK(first.succeeded());
  CHECK(second.succeeded());
  Database database(folder / "slipway.db");
  CHECK(count_places(database) == 200);
  CHECK(database.check().empty());
}

TEST_CASE("kill -9 in the middle of writes leaves whole transactions only") {
  TemporaryFolder folder;
  for (int round = 0; round < 10; ++round) {
    ChildProcess writer([&](const ChildProcess& self) {
      Database database(folder / "slipway.db");
      for (int i = 0;; ++i) {
        const std::string name = std::to_string(round) + "." + std::to_string(i);
        Transaction pair(database);
        remember(database, name + ".left", sha256(name));
        remember(database, name + ".right", sha256(name));
        pair.commit();
        if (i == 5) self.ready();
      }
      return true;
    });
    writer.wait_until_ready();
    std::this_thread::sleep_for(std::chrono::microseconds(round * 700));
    writer.kill();

    Database database(folder / "slipway.db");
    CHECK(database.check().empty());
    CHECK(count_places(database) % 2 == 0);
    CHECK(count_places(database) >= 12 * (round + 1));
  }
}

TEST_CASE("a layer no sync made durable is forgotten after a reboot, and only then") {
  TemporaryFolder folder;
  {
    Database database(folder / "slipway.db");
    add_layer(database, "of this boot", database.boot());
    add_layer(database, "synced", "");
    add_layer(database, "lost", "5f0c6f5e-0000-4000-8000-an-earlier-one");
  }
  Database database(folder / "slipway.db");
  Query query(database, "SELECT diff_id FROM layers ORDER BY number");
  REQUIRE(query.step());
  CHECK(query.digest(0) == sha256("of this boot"));
  REQUIRE(query.step());
  CHECK(query.digest(0) == sha256("synced"));
  CHECK_FALSE(query.step());
}

TEST_CASE("a database from before there were containers gets their tables, and keeps what it has") {
  TemporaryFolder folder;
  {
    Database database(folder / "slipway.db");
    std::int64_t version = 0;
    {
      Query query(database, "PRAGMA user_version");
      REQUIRE(query.step());
      version = query.integer(0);
    }
    REQUIRE(version == 9);  // else this is to take away more
    for (const char* statement :
         {"DROP VIEW kept_layers", "DROP TABLE container_volumes", "DROP TABLE container_layers",
          "DROP TABLE containers", "DROP TABLE volumes", "DROP TABLE networks",
          "PRAGMA user_version = 7", "INSERT INTO settings (name, value) VALUES ('a', 'b')"})
      Query(database, statement).run();
  }
  for (int opened = 0; opened < 2; ++opened) {
    Database database(folder / "slipway.db");
    Query kept(database, "SELECT value FROM settings WHERE name = 'a'");
    CHECK(kept.step());
    for (const char* table : {"SELECT count(*) FROM containers", "SELECT count(*) FROM kept_layers",
                              "SELECT count(*) FROM volumes", "SELECT count(*) FROM networks"}) {
      Query query(database, table);
      REQUIRE(query.step());
      CHECK(query.integer(0) == 0);
    }
  }
}

TEST_CASE("a damaged database, a newer one and a foreign file are told apart from an empty one") {
  TemporaryFolder folder;
  const auto complaint = [&]() -> std::string {
    try {
      Database database(folder / "slipway.db");
    } catch (const Error& error) {
      return std::string(error.what()) + "\n" + error.diagnostics().front().hint;
    }
    return "";
  };
  CHECK(complaint().empty());

  {
    Database database(folder / "slipway.db");
    Query(database, "PRAGMA user_version = 99").run();
  }
  CHECK(complaint().find("format 99") != std::string::npos);

  // As the hint has it: its WAL would make it whole again.
  for (const char* name : {"slipway.db", "slipway.db-wal", "slipway.db-shm"})
    std::filesystem::remove(folder / name);
  folder.write("slipway.db", std::string(8192, 'x'));
  const std::string foreign = complaint();
  CHECK(foreign.find("not a database") != std::string::npos);
  CHECK(foreign.find("move it") != std::string::npos);
}
