// The program as a user runs it: arguments in, two texts and a status out.
#pragma once

#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

struct Outcome {
  std::string out;
  std::string err;
  int status = -1;
};

// No stream is a terminal; the store is where --root or $SLIPWAY_ROOT says. `input` is all of its
// standard input, `environment` is added to ours.
inline Outcome run_slipway(std::vector<std::string> arguments, const std::string& input = {},
                           const std::map<std::string, std::string>& environment = {}) {
  using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
  const File out(std::tmpfile(), std::fclose);
  const File err(std::tmpfile(), std::fclose);
  const File in(std::tmpfile(), std::fclose);
  REQUIRE(in);
  std::fwrite(input.data(), 1, input.size(), in.get());
  std::rewind(in.get());
  REQUIRE(out);
  REQUIRE(err);
  std::vector<char*> words{const_cast<char*>(SLIPWAY_PROGRAM)};
  for (std::string& argument : arguments) words.push_back(argument.data());
  words.push_back(nullptr);
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
    ::dup2(::fileno(in.get()), STDIN_FILENO);
    ::dup2(::fileno(out.get()), STDOUT_FILENO);
    ::dup2(::fileno(err.get()), STDERR_FILENO);
    ::execv(words[0], words.data());
    ::_exit(127);
  }
  Outcome outcome;
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  const auto read_all = [](std::FILE* file) {
    std::string text;
    std::rewind(file);
    char buffer[4096];
    while (const std::size_t length = std::fread(buffer, 1, sizeof buffer, file))
      text.append(buffer, length);
    return text;
  };
  outcome.out = read_all(out.get());
  outcome.err = read_all(err.get());
  return outcome;
}
