// Sources of ADD, and build contexts, that come from elsewhere: files of the web, git repositories.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace slipway {

// What a git URL says, in the fragment (#REF:DIRECTORY) or in the query (?ref=...&subdir=...).
struct GitSource {
  std::string remote;    // as git takes it
  std::string ref;       // a branch, a tag or a commit; empty: what the remote calls HEAD
  std::string subdir;    // the directory to take; empty: all
  std::string checksum;  // of the commit; empty: any
  std::optional<bool> keep_git_dir;
  std::optional<bool> submodules;
  bool fetch_by_commit = false;
  // github.com/owner/repository: a repository for a build context; ADD takes it as a path.
  bool like_a_path = false;
};

// The URL of a repository: git://, ssh://, user@host:path, and http:// or https:// if the path ends
// in ".git". Nothing for any other text. Throws Error for one with a mistake in its query.
std::optional<GitSource> parse_git_source(std::string_view text);

// http:// or https://. Look for a repository first.
bool is_http_source(std::string_view text);

// The name under which ADD stores what it gets: the last one of the URL's path.
std::string http_file_name(std::string_view url);

// Between a URL's "//" and its path; of a text without "//", from its front.
struct UrlAuthority {
  std::string_view user_info;  // name and password, with the '@' behind them; empty: none
  std::string_view host;       // with its port
};
UrlAuthority authority_of(std::string_view url);

// The URL with "xxxxx" in place of a user's name and password, for messages and for what is kept.
std::string without_credentials(std::string_view url);

}  // namespace slipway
