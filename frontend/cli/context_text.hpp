// The Dockerfile of a context that is no directory of the user's: a tar's, or one that was fetched.
#pragma once

#include <cache/stream.hpp>
#include <executor/files/source_tree.hpp>
#include <ir/source.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace slipway {

// A whole text file of the tree, links followed within it. Nothing if there is none. Throws Error,
// also for one larger than 64 MiB.
std::optional<std::string> read_text(const SourceTree& tree, std::string_view path);

// The Dockerfile that -f names, by default "Dockerfile" and, as docker has it, "dockerfile" where
// that is missing. Throws Error if there is none.
std::shared_ptr<const SourceFile> find_dockerfile(const SourceTree& tree, const std::string& file);

// All bytes that are left. Throws Error naming it if that is more than 64 MiB.
std::string text_of(ByteSource& source, const std::string& name);

// Throws Error where text that came in place of an archive cannot be a Dockerfile either: a page of
// the web, or no text at all. `name` begins the message.
void require_dockerfile_text(std::string_view text, const std::string& name);

}  // namespace slipway
