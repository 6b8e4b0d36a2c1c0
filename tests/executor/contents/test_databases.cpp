// Packages of distributions: dpkg, apk, rpm.
#include "rpm_database.hpp"
#include "tree.hpp"

using namespace slipway;

namespace {

constexpr const char* debian =
    "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\n";

}  // namespace

TEST_CASE("dpkg's status names what is installed, with its source package and its licences") {
  const Inventory contents = contents_of({
      {"etc/os-release", Tree::link("../usr/lib/os-release")},
      {"usr/lib/os-release", {debian}},
      {"var/lib/dpkg/status",
       {"Package: libgcc-s1\nStatus: install ok installed\nMaintainer: Debian GCC <gcc@example>\n"
        "Architecture: amd64\nSource: gcc-12\nVersion: 12.2.0-14\n"
        "Description: GCC support\n Package: not-a-field\n\n"
        "Package: bash\nStatus: install ok installed\nArchitecture: amd64\n"
        "Source: bash (5.2.15-2)\nVersion: 5.2.15-2+b2\nHomepage: https://bash.example/\n\n"
        "Package: vim\nStatus: deinstall ok config-files\nVersion: 9\nArchitecture: amd64\n\n"
        "Package: half\nStatus: install ok half-installed\nVersion: 1\n"}},
      {"usr/share/doc/libgcc-s1", Tree::link("gcc-12-base")},
      {"usr/share/doc/gcc-12-base/copyright",
       {"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"
        "Files: *\nLicense: GPL-3+ and LGPL-2.1+\n text\n\nFiles: x\nLicense: Expat\n"}},
      {"usr/share/doc/bash/copyright", {"This is prose.\nLicense: GPL-3\n"}},
  });
  CHECK(contents.notes.empty());
  CHECK(contents.distribution == Distribution{"debian", "12", "Debian GNU/Linux 12 (bookworm)"});
  REQUIRE(purls(contents) ==
          Purls{"pkg:deb/debian/bash@5.2.15-2%2Bb2?arch=amd64&distro=debian-12&upstream="
                "bash%405.2.15-2",
                "pkg:deb/debian/libgcc-s1@12.2.0-14?arch=amd64&distro=debian-12&upstream=gcc-12"});
  const Package& bash = contents.packages[0];
  CHECK(bash.homepage == "https://bash.example/");
  CHECK(bash.licences.empty());
  CHECK(bash.found_in == std::set<std::string>{"/var/lib/dpkg/status"});
  const Package& gcc = contents.packages[1];
  CHECK(gcc.supplier == "Debian GCC <gcc@example>");
  CHECK(gcc.licences == std::set<std::string>{"Expat", "GPL-3+ and LGPL-2.1+"});
}

TEST_CASE("a package is said to come with the layer that has its list of files") {
  Tree tree;
  const std::string first = "Package: a\nStatus: install ok installed\nVersion: 1\n";
  const std::string second =
      first + "\nPackage: b\nStatus: install ok installed\nVersion: 2\nArchitecture: amd64\n";
  const DiffId lower =
      tree.add({{"var/lib/dpkg/status", {first}}, {"var/lib/dpkg/info/a.list", {"/.\n"}}});
  const DiffId upper =
      tree.add({{"var/lib/dpkg/status", {second}}, {"var/lib/dpkg/info/b:amd64.list", {"/.\n"}}});
  const Inventory contents = tree.contents();
  REQUIRE(contents.packages.size() == 2);
  CHECK(contents.packages[0].layer == lower);
  CHECK(contents.packages[1].layer == upper);
}

TEST_CASE("images without dpkg have a file for each package") {
  const Inventory contents = contents_of({
      {"usr/lib/os-release", {debian}},
      {"var/lib/dpkg/status.d/base", {"Package: base-files\nVersion: 12.4\nArchitecture: amd64\n"}},
      {"var/lib/dpkg/status.d/base.md5sums", {"Package: not\nVersion: one\n"}},
      {"var/lib/dpkg/status.d/tzdata", {"Package: tzdata\nVersion: 2024a-0\nArchitecture: all"}},
  });
  CHECK(purls(contents) == Purls{"pkg:deb/debian/base-files@12.4?arch=amd64&distro=debian-12",
                                 "pkg:deb/debian/tzdata@2024a-0?arch=all&distro=debian-12"});
}

TEST_CASE("apk's database names what is installed, wherever /lib is") {
  const std::string installed =
      "C:Q1=\nP:busybox\nV:1.36.1-r5\nA:x86_64\nL:GPL-2.0-only\no:busybox\nm:A <a@example>\n"
      "U:https://busybox.example/\nF:bin\nR:busybox\n\n"
      "P:ssl_client\nV:1.36.1-r5\nA:x86_64\nL:GPL-2.0-only\no:busybox\n\nP:no-version\n";
  const Purls expected{
      "pkg:apk/alpine/busybox@1.36.1-r5?arch=x86_64&distro=alpine-3.18.4",
      "pkg:apk/alpine/ssl_client@1.36.1-r5?arch=x86_64&distro=alpine-3.18.4&upstream=busybox"};
  const std::string release = "ID=alpine\nVERSION_ID=3.18.4\n";
  const Inventory plain =
      contents_of({{"etc/os-release", {release}}, {"lib/apk/db/installed", {installed}}});
  CHECK(purls(plain) == expected);
  CHECK(plain.packages[0].licences == std::set<std::string>{"GPL-2.0-only"});
  const Inventory merged = contents_of({{"etc/os-release", {release}},
                                        {"lib", Tree::link("usr/lib")},
                                        {"usr/lib/apk/db/installed", {installed}}});
  CHECK(purls(merged) == expected);
  CHECK(merged.packages[0].found_in == std::set<std::string>{"/usr/lib/apk/db/installed"});
}

TEST_CASE("rpm's database is read in the form of SQLite, and single bad headers are told") {
  const std::string curl = rpm_header({{1000, "curl"},
                                       {1001, "8.0.1"},
                                       {1002, "1.fc38"},
                                       {1003, "", 1, true},
                                       {1011, "Fedora Project"},
                                       {1014, "MIT"},
                                       {1020, "https://curl.example/"},
                                       {1022, "x86_64"},
                                       {1044, "curl-8.0.1-1.fc38.src.rpm"}});
  const std::string libcurl = rpm_header(
      {{1000, "libcurl"}, {1001, "8.0.1"}, {1002, "1.fc38"}, {1044, "curl-8.0.1-1.fc38.src.rpm"}});
  const std::string key = rpm_header({{1000, "gpg-pubkey"}, {1001, "eb10b464"}, {1002, "6202"}});
  const Inventory contents =
      contents_of({{"etc/os-release", {"ID=fedora\nVERSION_ID=38\n"}},
                   {"var/lib/rpm", Tree::link("../../usr/lib/sysimage/rpm")},
                   {"usr/lib/sysimage/rpm/rpmdb.sqlite",
                    {rpm_database({curl, libcurl, key, curl.substr(0, 40), "", "1234567890"})}}});
  CHECK(purls(contents) ==
        Purls{"pkg:rpm/fedora/curl@8.0.1-1.fc38?arch=x86_64&distro=fedora-38&epoch=1",
              "pkg:rpm/fedora/libcurl@8.0.1-1.fc38?distro=fedora-38&upstream=curl"});
  CHECK(whole_version(contents.packages[0]) == "1:8.0.1-1.fc38");
  CHECK(contents.packages[0].supplier == "Fedora Project");
  const std::string file = "/usr/lib/sysimage/rpm/rpmdb.sqlite: ";
  CHECK(contents.notes == std::vector<std::string>{file + "a header tells of more than it has",
                                                   file + "a header is cut short",
                                                   file + "a header tells of more than it has"});
}

TEST_CASE("rpm's older databases are told of, not passed over") {
  const Inventory contents = contents_of(
      {{"var/lib/rpm/Packages", {"Berkeley"}}, {"usr/lib/sysimage/rpm/Packages.db", {"RpmP"}}});
  CHECK(contents.packages.empty());
  CHECK(contents.notes ==
        std::vector<std::string>{
            "/var/lib/rpm/Packages: rpm's packages are in a database of Berkeley DB, which is not "
            "read: none of them is listed",
            "/usr/lib/sysimage/rpm/Packages.db: rpm's packages are in a database of ndb, which is "
            "not read: none of them is listed"});
}
