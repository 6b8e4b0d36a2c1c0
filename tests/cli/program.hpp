// The program as a user runs it: arguments in, two texts and a status out.
#pragma once

#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

struct Outcome {
  std::string out;
  std::string err;
  int status = -1;
};

// Neither is a terminal; the store is where --root or $SLIPWAY_ROOT says.
inline Outcome run_slipway(std::vector<std::string> arguments) {
  using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
  const File out(std::tmpfile(), std::fclose);
  const File err(std::tmpfile(), std::fclose);
  REQUIRE(out);
  REQUIRE(err);
  std::vector<char*> words{const_cast<char*>(SLIPWAY_PROGRAM)};
  for (std::string& argument : arguments) words.push_back(argument.data());
  words.push_back(nullptr);
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
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
