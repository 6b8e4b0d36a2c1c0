// What a build takes from its context, found without building: for `slipway context ls`.
#pragma once

#include "build_inputs.hpp"
#include "build_request.hpp"

#include <cache/layers/entry.hpp>
#include <executor/files/context.hpp>
#include <executor/files/selected.hpp>
#include <frontend/ignore_file.hpp>
#include <ir/error.hpp>
#include <ir/lower.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace slipway {

// The build, as far as it is about one context. No image is looked at: what only a base image knows
// (its variables in a source, its triggers) is not in it.
struct ContextUse {
  Lowered lowered;
  IgnoreFile ignore_file;
  IgnoreRules rules;
  std::unique_ptr<Context> context;  // without what is excluded
  std::unique_ptr<Context> whole;    // with it
  std::vector<Taking> takings;       // in the order of the Dockerfile
};
// `name`: of a named context; empty: the build context. Throws Error.
ContextUse find_use(const BuildRequest& request, const std::string& name);

struct TakenFile {
  Entry::Type type = Entry::Type::file;
  std::uint64_t size = 0;
  std::vector<std::size_t> by;  // positions of takings
};
struct TakenFiles {
  std::map<std::string, TakenFile> entries;  // by path; also directories that are taken themselves
  std::vector<Error> errors;                 // of instructions that would fail
};
TakenFiles find_taken(const ContextUse& use);

// A directory or file that no instruction takes anything of, nor of what it lies in.
struct UnusedTree {
  std::string path;  // ends with '/' if it is a directory
  std::uint64_t size = 0;
  std::uint64_t files = 0;
};
// The largest first.
std::vector<UnusedTree> find_unused(const ContextUse& use, const TakenFiles& taken);
// The line of a .dockerignore that leaves out exactly this path.
std::string ignore_line(std::string path);

struct DirectorySize {
  std::uint64_t size = 0;
  std::uint64_t files = 0;
};
// Of what is taken, summed by directory; "" is the context.
std::map<std::string, DirectorySize> sum_by_directory(const TakenFiles& taken);

}  // namespace slipway
