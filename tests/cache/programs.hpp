// Other people's programs, for tests that see whether they accept what slipway writes.
#pragma once

#include "temporary_folder.hpp"

#include <cstdlib>
#include <initializer_list>
#include <string>
#include <string_view>

// Whether all of them are installed; says what is missing.
inline bool has_programs(std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (std::system(("command -v " + std::string(name) + " >/dev/null 2>&1").c_str()) != 0) {
      MESSAGE("skipped: " << std::string(name) << " is not installed");
      return false;
    }
  }
  return true;
}

// Runs a shell script; what it prints is shown if it fails. True: it succeeded.
inline bool run_command(const std::string& script) {
  const TemporaryFolder folder;
  const std::string log = folder / "log";
  if (std::system(("{ " + script + "\n} >" + log + " 2>&1").c_str()) == 0) return true;
  MESSAGE(script << "\n" << folder.read("log"));
  return false;
}

// What a shell script prints.
inline std::string output_of(const std::string& script) {
  const TemporaryFolder folder;
  const std::string log = folder / "log";
  (void)!std::system(("{ " + script + "\n} >" + log).c_str());
  return folder.read("log");
}
