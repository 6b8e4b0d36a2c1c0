// A build's report, read again: each of its steps in depth.
#pragma once

#include <cstdint>
#include <executor/files/file_list.hpp>
#include <executor/progress.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

struct ReportedStep {
  std::string name;     // "[build 3/5] RUN make"
  std::string outcome;  // hit, miss, local, failed, cancelled
  std::string key;      // "sha256:..."; empty: it was not known
  std::string json;     // all of it, as cache_report_json() has it
};

// The steps of what cache_report_json() wrote. Throws Error where it is nothing of the kind.
std::vector<ReportedStep> read_report(std::string_view report);

// Of a step all that is known of its decision, for people: several lines, the first with its name.
std::string explain_text(const ReportedStep& step);

// The misses of a report, one under the other.
std::string explain_misses(std::string_view report);

// "  LABEL  old -> new", a line a part; long values are shortened, bytes that are no text escaped.
std::string parts_text(const std::vector<PartChange>& parts);
// "    PATH  content, mode (0644 -> 0755)", a line a file.
std::string changes_text(const std::vector<FileChange>& changes, std::size_t count);
// A value on one line.
std::string value_text(std::string_view value, std::size_t longest);

}  // namespace slipway
