// Trees that were made to harm who reads them.
#include "program_file.hpp"
#include "rpm_database.hpp"
#include "tree.hpp"

#include <executor/contents/elf.hpp>
#include <executor/contents/formats.hpp>
#include <ir/error.hpp>

#include <random>

using namespace slipway;

TEST_CASE("a database that is a link leads to nothing outside the tree") {
  const Inventory contents = contents_of({
      {"var/lib/dpkg/status", Tree::link("/etc/shadow")},
      {"lib/apk/db/installed", Tree::link("../../../../../../../../etc/passwd")},
      {"var/lib/rpm/rpmdb.sqlite", Tree::link("/proc/self/environ")},
      {"etc/os-release", Tree::link("/etc/hostname")},
      {"a", Tree::link("b")},
      {"b", Tree::link("a")},
      {"var/lib/dpkg/status.d", Tree::link("/a/status.d")},
      {"usr/lib/sysimage/rpm/Packages", Tree::link("/a")},
  });
  CHECK(contents.packages.empty());
  CHECK(contents.distribution == Distribution{});
  // The loops are told, and nothing else was there to be read.
  CHECK(contents.notes.size() == 2);
}

TEST_CASE("a package's name is no path") {
  const Inventory contents =
      contents_of({{"var/lib/dpkg/status",
                    {"Package: ../../../etc\nStatus: install ok installed\nVersion: 1\n\n"
                     "Package: ..\nStatus: install ok installed\nVersion: 1\n\n"
                     "Package: a\x01\x1b[31mb\nStatus: install ok installed\nVersion: 1\n"}},
                   {"usr/share/copyright", {"Format: copyright-format\nLicense: Stolen\n"}}});
  CHECK(contents.packages.size() == 3);
  for (const Package& package : contents.packages) {
    CHECK(package.licences.empty());
    CHECK(package.name.find('\x1b') == std::string::npos);
  }
}

TEST_CASE("what is malformed costs a note, and the rest is found") {
  const std::string deep(5000, '[');
  const Inventory contents = contents_of({
      {"a/node_modules/ok/package.json", {R"({"name":"ok","version":"1"})"}},
      {"a/node_modules/deep/package.json", {deep}},
      {"a/node_modules/text/package.json", {"not JSON"}},
      {"a/package-lock.json", {R"({"packages":)"}},
      {"var/lib/rpm/rpmdb.sqlite", {"SQLite format 3, or not"}},
      {"usr/bin/audit", Tree::program(elf_file({{".dep-v0", "not zlib", 0}}))},
      {"usr/bin/bomb",
       Tree::program(elf_file({{".dep-v0", zlib_compressed(std::string(32 << 20, ' ')), 0}}))},
  });
  CHECK(purls(contents) == Purls{"pkg:npm/ok@1"});
  CHECK(contents.notes.size() == 6);
}

TEST_CASE("a table of packages that is none is not asked") {
  const std::string view =
      "CREATE TABLE other (blob BLOB); CREATE VIEW Packages AS SELECT blob FROM other";
  const std::string endless =
      "CREATE VIEW Packages AS WITH RECURSIVE n(blob) AS (SELECT 1 UNION ALL SELECT blob+1 FROM n) "
      "SELECT blob FROM n";
  const std::string other = "CREATE TABLE Packages (name TEXT)";
  for (const std::string& statements : {view, endless, other}) {
    const Inventory contents =
        contents_of({{"var/lib/rpm/rpmdb.sqlite", {rpm_database({}, statements)}}});
    CHECK(contents.packages.empty());
    CHECK(contents.notes.size() == 1);
  }
}

TEST_CASE("a database whose rows are all the same long header is not read again and again") {
  // A header of 16 MiB, and a leaf of the table where 80 further rows point to it, too.
  std::vector<std::string> headers(81, "short");
  headers.front().assign(16 << 20, '\0');
  std::string database = rpm_database(headers);
  const auto number = [&](std::size_t at) {
    return static_cast<unsigned char>(database[at]) << 8U |
           static_cast<unsigned char>(database[at + 1]);
  };
  constexpr std::size_t page = 4096;
  bool found = false;
  for (std::size_t at = page; at + page <= database.size(); at += page) {
    if (database[at] != '\x0d' || number(at + 3) != 81) continue;  // a leaf, and its rows
    found = true;
    for (std::size_t row = 1; row < 81; ++row)
      database.replace(at + 8 + 2 * row, 2, database, at + 8, 2);
  }
  REQUIRE(found);
  std::vector<std::string> notes;
  CHECK(read_rpm_database(std::move(database), notes).empty());
  CHECK(notes.back() == "its headers have too many bytes, so a part is missing");
}

TEST_CASE("what programs unpack counts with what is read") {
  const std::string crates = zlib_compressed(R"({"packages":[{"name":"a","version":"1"}],"x":")" +
                                             std::string(200'000, ' ') + "\"}");
  const auto bytes = std::as_bytes(std::span(crates));
  ByteBudget budget{1'000'000};
  CHECK(read_cargo_audit(bytes, budget).size() == 1);
  CHECK(budget.left < 800'000);
  CHECK(read_cargo_audit(bytes, budget).size() == 1);
  CHECK(read_cargo_audit(bytes, budget).size() == 1);
  CHECK_THROWS_AS(read_cargo_audit(bytes, budget), Error);
}

TEST_CASE("more packages than are listed are told of, and notes say when they end") {
  std::string installed;
  for (std::size_t i = 0; i < most_packages + 5; ++i)
    installed += "P:p" + std::to_string(i) + "\nV:1\n\n";
  const Inventory many = contents_of({{"lib/apk/db/installed", {installed}}});
  CHECK(many.packages.size() == most_packages);
  REQUIRE(many.notes.size() == 1);
  CHECK(many.notes.front() ==
        "/lib/apk/db/installed: what is behind the first 100000 packages in it is left out");

  Tree::Files files;
  const auto add = [&] {
    files["node_modules/p" + std::to_string(files.size()) + "/package.json"] = {"no JSON"};
  };
  while (files.size() < 100) add();
  const Inventory all = contents_of(files);
  CHECK(all.notes.size() == 100);
  CHECK(all.notes.back() != "further notes are left out");
  add();
  add();
  const Inventory cut = contents_of(files);
  CHECK(cut.notes.size() == 101);
  CHECK(cut.notes.back() == "further notes are left out");
}

TEST_CASE("programs that lie about themselves tell of nothing") {
  const std::string info = go_build_info("go1.21", "dep\ta\tv1\n");
  std::string long_text("\xff Go buildinf:\x08\x02", 16);
  long_text.resize(32, '\0');
  long_text += "\xff\xff\xff\xff\xff\xff\xff\xff\x7f";
  std::string pointers("\xff Go buildinf:\x08\x00", 16);
  pointers.append(16, '\xff');
  std::string odd_pointers("\xff Go buildinf:\x07\x00", 16);
  odd_pointers.append(16, '\0');
  std::string huge_counts = elf_file({{".go.buildinfo", info, 0x1000}});
  for (const std::size_t field : {32, 40, 54, 56, 58, 60, 62}) {
    huge_counts[field] = '\xff';
    huge_counts[field + 1] = '\xff';
  }
  Tree::Files files{
      {"long", Tree::program(elf_file({{".go.buildinfo", long_text, 0x1000}}))},
      {"pointers", Tree::program(elf_file({{".go.buildinfo", pointers, 0x1000}}))},
      {"odd", Tree::program(elf_file({{".go.buildinfo", odd_pointers, 0x1000}}))},
      {"counts", Tree::program(huge_counts)},
      {"head", Tree::program("\x7f"
                             "ELF")},
      {"script", Tree::program("#!/bin/sh\n")},
  };
  CHECK(contents_of(files).packages.empty());
}

TEST_CASE("any bytes are read to an end") {
  // Each reader with pieces of what it reads, changed and cut at random.
  const std::string whole =
      elf_file({{".go.buildinfo", go_build_info("go1.21", "dep\ta\tv1\n"), 0x1000},
                {".dep-v0", zlib_compressed("{\"packages\":[]}"), 0}});
  const std::string database = rpm_database(
      {rpm_header({{1000, "a"}, {1001, "1"}}), rpm_header({{1000, "b"}, {1001, "2"}})});
  ByteBudget budget{std::uint64_t{1} << 40};
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = round % 10 == 0 ? database : whole;
    for (auto change = random() % 6; change > 0; --change)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    if (random() % 3 == 0) bytes.resize(random() % bytes.size());
    try {
      if (round % 10 == 0) {
        std::vector<std::string> notes;
        read_rpm_database(bytes, notes);
        continue;
      }
      const auto program = ElfFile::open(
          [&](std::uint64_t offset, std::span<std::byte> buffer) {
            if (offset > bytes.size() || buffer.size() > bytes.size() - offset) return false;
            std::memcpy(buffer.data(), bytes.data() + offset, buffer.size());
            return true;
          },
          bytes.size());
      if (!program) continue;
      if (const auto crates = find_cargo_audit(*program))
        read_cargo_audit(std::as_bytes(std::span(*crates)), budget);
      if (const auto info = find_go_build_info(*program))
        read_go_modules(info->go_version, info->modules);
    } catch (const Error&) {  // as promised
    }
  }
}
