// What a solve tells while it runs, and what it has to report at its end.
#pragma once

#include <executor/files/file_list.hpp>
#include <executor/sandbox/process_runner.hpp>
#include <ir/digest.hpp>
#include <ir/error.hpp>
#include <ir/graph.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// Work on files that takes a while, as far as it has got.
struct WorkFigures {
  enum class Kind {
    none,
    reading,  // walks and hashes build contexts
    copying,  // writes a layer
  };
  Kind kind = Kind::none;
  std::uint64_t names = 0;  // seen by the walk
  std::uint64_t files = 0;  // whose content was read
  std::uint64_t bytes = 0;
};

// A part of a key that is not what it was. Values that are nobody's business are "(hidden)".
struct PartChange {
  std::string label;
  std::optional<std::string> was;  // empty: there was none
  std::optional<std::string> is;
  bool operator==(const PartChange&) const = default;
};

// Why a step missed.
struct Miss {
  // One line: "src/main.c: content; src/io.h: new", "input [build 3/5] changed", "command changed".
  std::string reason;
  std::vector<FileChange> changes;  // the files, where those are the reason
  std::size_t change_count = 0;     // of all; `changes` may be the first of them
  // What it was compared with, and all in which the two differ.
  std::optional<CacheKey> baseline;
  std::string baseline_step;        // its name
  std::vector<PartChange> parts;
};

struct VertexReport : Miss {
  enum class Outcome {
    hit,        // a record gave the result
    ran,        // a miss: it was executed
    local,      // nothing to cache: a base image, a context, a composition
    failed,
    cancelled,
  };
  VertexId vertex{};
  Outcome outcome = Outcome::local;
  std::optional<CacheKey> key;
  std::int64_t started = 0;  // nanoseconds since the solve began
  std::int64_t ended = 0;
  std::int64_t saved = 0;    // of a hit: how long the step ran when its record was made, ns
  WorkFigures work;          // of a COPY that ran: all that was copied
  bool shared = false;       // hit: the record came from a shared cache
  bool same_tree = false;    // ran, and gave the same tree as before: what follows may hit
  std::int64_t made = 0;     // of a hit: when the step was executed last, seconds
};

// Called from the thread that called solve(), and from no other.
class Progress {
 public:
  virtual ~Progress() = default;
  virtual void started(VertexId) {}
  virtual void output(VertexId, OutputStream, std::string_view) {}
  // About ten times a second, of a step that has worked on files for `elapsed`, over a second.
  virtual void working(VertexId, const WorkFigures&, std::int64_t /*elapsed*/) {}
  virtual void finished(const VertexReport&) {}
  // About ten times a second, for displays that show the time.
  virtual void tick() {}
};

}  // namespace slipway
