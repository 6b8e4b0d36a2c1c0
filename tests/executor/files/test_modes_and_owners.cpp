#include <executor/files/file_mode.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace slipway;

TEST_CASE("--chmod does what chmod does") {
  struct Row {
    const char* text;
    std::uint32_t before;
    bool directory;
    std::uint32_t after;
  };
  const Row rows[] = {
      {"", 0644, false, 0644},          {"0", 0644, false, 0},
      {"755", 0600, false, 0755},       {"0755", 0600, true, 0755},
      {"7777", 0, false, 07777},        {"u+x", 0644, false, 0744},
      {"a+x", 0644, false, 0755},       {"+x", 0644, false, 0755},
      {"go-rwx", 0755, false, 0700},    {"u=rw,g=r,o=", 0777, false, 0640},
      {"a+X", 0644, false, 0644},       {"a+X", 0644, true, 0755},
      {"a+X", 0744, false, 0755},       {"g=u", 0750, false, 0770},
      {"o=g-w", 0760, false, 0764},     {"u+s", 0755, false, 04755},
      {"g+s", 0755, false, 02755},      {"+t", 0777, true, 01777},
      {"u-s", 04755, false, 0755},      {"o+s", 0755, false, 0755},
      {"u+rw,g+r,o-x,o+w", 0124, true, 0766 & 0766},
      {"=", 0777, false, 0},            {"a=rX", 0711, false, 0555},
      {"u+x-w", 0644, false, 0544},
  };
  for (const Row& row : rows) {
    INFO("--chmod=" << row.text << " of " << std::oct << row.before);
    CHECK(ModeChange(row.text).apply(row.before, row.directory) == row.after);
  }
}

TEST_CASE("what is no mode is refused") {
  for (const char* text : {"8", "0o755", "10000", "77777777777777777777", "u", "u+", "+q", "u+x,",
                           ",", "rwx", "u+x g+x", "-1 ", "0755x", "x+u"}) {
    INFO(text);
    if (std::string(text) == "u+") {
      CHECK(ModeChange(text).apply(0644, false) == 0644);  // adds nothing: chmod takes it
    } else {
      CHECK_THROWS_AS(ModeChange{text}, Error);
    }
  }
}

TEST_CASE("directories that are made take an octal mode's permissions") {
  CHECK(ModeChange("").of_made_directory() == 0755);
  CHECK(ModeChange("2711").of_made_directory() == 0711);
  CHECK(ModeChange("u=rwx").of_made_directory() == 0755);
}
