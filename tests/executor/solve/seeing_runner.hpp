// A ProcessRunner whose commands look at everything: what they write depends on all that a process
// could see, so a cache key that forgets a part of it gives a stale file.
//
// A command is one or more of these, joined by " && "; paths are absolute:
//   all FILE        a digest of the operation's every field and of every file, in mounts, too
//   names DIR FILE  the names below DIR, without anything else of them
//   copy FROM TO    the content of FROM, or "none"
//   rm PATH, mkdir PATH, link TARGET PATH
// The last ones tell little of what they have seen: other inputs, the same files. Commands run at
// once, on the thread that starts them. No file is read through a symbolic link.
#pragma once

#include <executor/sandbox/process_runner.hpp>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// The files of layer directories as overlayfs shows them, lowest first: by path, "in/a".
using Visible = std::map<std::string, std::filesystem::path>;
Visible visible_files(const std::vector<std::filesystem::path>& layers);

// A line for each file: path, type, mode, owner, and a content or link's target. No times.
std::string listing_of(const Visible& files);

class SeeingRunner final : public ProcessRunner {
 public:
  std::unique_ptr<RunningProcess> start(const RunRequest& request,
                                        std::function<void(OutputStream, std::string_view)> output,
                                        std::function<void(RunResult)> finished) override;
};

}  // namespace slipway
