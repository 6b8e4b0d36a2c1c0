// How a build shows itself on stderr while it runs (--progress).
#pragma once

#include <executor/progress.hpp>
#include <ir/graph.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

enum class ProgressMode { auto_, tty, plain, quiet };
// Throws Error with a hint for what --progress does not know.
ProgressMode parse_progress_mode(std::string_view text);

class Display : public Progress {
 public:
  // Work that is no vertex: "exporting to image" and what was done.
  // It has begun, and may take a while; note() says that it has ended. For plain builds that says
  // all; where it is shown in place, `how_to_end` says what somebody does who is tired of waiting.
  virtual void began(std::string_view name, std::string_view how_to_end) = 0;
  // How far what has begun has got. Any thread, one call at a time and none beside the others.
  virtual void going(std::string_view text) = 0;
  virtual void note(std::string_view name, const std::vector<std::string>& lines) = 0;
  // The last thing: the final picture is drawn and stays.
  virtual void close() = 0;
};

// `graph` outlives the display. auto_ is tty on a terminal, else plain.
std::unique_ptr<Display> make_display(ProgressMode mode, const Graph& graph);
// Line by line, in BuildKit's shapes: "#7 [build 2/5] RUN make", "#7 0.412 text", "#7 DONE 3.1s".
std::unique_ptr<Display> make_plain_display(const Graph& graph);
// A picture that is drawn anew in place: every step a line, running ones with their last output.
std::unique_ptr<Display> make_tty_display(const Graph& graph, bool color);

// False for vertices that people did not write and need not see.
bool is_shown(const Vertex& vertex);
// "copying: 1,234 files, 512.35MB 3.1s (165.27MB/s)": the shape of BuildKit's "transferring".
std::string work_text(const WorkFigures& work, std::int64_t elapsed);
// "3.1s" of nanoseconds.
std::string seconds_text(std::int64_t nanoseconds);

}  // namespace slipway
