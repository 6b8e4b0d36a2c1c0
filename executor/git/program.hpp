// Running the git program, shut off from everything around it: no configuration of the system, the
// user or the caller's environment, no hook, no prompt, and only the protocols that are named.
//
// What git writes and where it connects is decided by its arguments and by repositories that this
// folder made itself; what a remote sends is data.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {

// The solve that git works for.
struct GitListener {
  std::function<bool()> cancelled;               // asked ten times a second
  std::function<void(std::string_view)> output;  // whole lines of git's progress
};

struct GitCommand {
  std::vector<std::string> arguments;  // behind "git"
  std::filesystem::path git_dir;       // empty: it needs no repository
  std::filesystem::path work_tree;     // empty: none
  std::filesystem::path index_file;    // empty: that of git_dir
  // Settings of this command. They are in its environment, which only this user can read, and not
  // on its command line.
  std::vector<std::pair<std::string, std::string>> config;
  std::vector<std::string> secrets;  // never shown, should git print them
  std::string protocols;             // those it may use: "git:http:https:ssh"; empty: none
  std::string ssh_command;           // for ssh
  std::filesystem::path ssh_agent;   // its socket; empty: that of the environment
  int lock = -1;                     // a descriptor that the process and its children keep open
  // It is killed if it says nothing for so long; 0: it may think as long as it likes.
  std::chrono::seconds patience{0};
  bool show = false;  // its progress is told to the listener
};

struct GitOutcome {
  int status = 0;
  std::string output;
  std::string errors;  // the end of what it said
  bool ok() const { return status == 0; }
};

// Waits for the end: to be called where waiting holds up nobody. Throws Error if there is no git,
// if it was killed for its silence, or if the solve was cancelled.
GitOutcome run_git(const GitCommand& command, const GitListener& listener);

}  // namespace slipway
