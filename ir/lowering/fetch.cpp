#include <ir/lowering/fetch.hpp>

#include <ir/checksum.hpp>
#include <ir/error.hpp>
#include <ir/remote_source.hpp>

#include <algorithm>
#include <utility>

namespace slipway {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

bool is_hex(std::string_view text) {
  return text.find_first_not_of(hex_digits) == std::string_view::npos;
}

// "sha256:..." and its longer kin.
void require_digest(const std::string& checksum, const SourceSpan& span) {
  const std::size_t colon = std::min(checksum.find(':'), checksum.size());
  const auto length = checksum_digits(checksum.substr(0, colon));
  if (!length || colon == checksum.size()) {
    throw Error("invalid checksum " + quoted(checksum) + " of a file")
        .at(span)
        .hint("write it as sha256: and 64 hexadecimal digits");
  }
  const std::string_view digits = std::string_view(checksum).substr(colon + 1);
  if (digits.size() == *length && is_hex(digits)) return;
  throw Error("the checksum needs " + std::to_string(*length) + " hexadecimal digits behind " +
              quoted(checksum.substr(0, colon + 1)))
      .at(span);
}

FetchGit operation_of(GitSource source, const SourceSpan& checksum) {
  FetchGit fetch;
  fetch.remote = std::move(source.remote);
  fetch.ref = std::move(source.ref);
  fetch.subdir = std::move(source.subdir);
  fetch.checksum = std::move(source.checksum);
  if (!is_hex(fetch.checksum)) {
    throw Error("invalid checksum " + quoted(fetch.checksum) + " of a git repository")
        .at(checksum)
        .hint("it is the commit in hexadecimal digits, or their beginning");
  }
  fetch.keep_git_dir = source.keep_git_dir.value_or(false);
  fetch.submodules = source.submodules.value_or(true);
  fetch.by_commit = source.fetch_by_commit;
  return fetch;
}

Fetched fetch_git(GitSource source, const Add& add, const std::string& checksum) {
  if (add.keep_git_dir && source.keep_git_dir && *add.keep_git_dir != *source.keep_git_dir)
    throw Error("--keep-git-dir and keep-git-dir in the URL say the opposite");
  if (!checksum.empty() && !source.checksum.empty() && checksum != source.checksum) {
    throw Error("--checksum is " + quoted(checksum) + ", and that of the URL " +
                quoted(source.checksum));
  }
  const bool of_flag = source.checksum.empty() && add.checksum;
  const SourceSpan place = of_flag ? add.checksum->span : SourceSpan{};
  if (source.checksum.empty()) source.checksum = checksum;
  if (!source.keep_git_dir) source.keep_git_dir = add.keep_git_dir;
  return {operation_of(std::move(source), place), "."};
}

}  // namespace

std::optional<Fetched> fetched(const std::string& source, const Instruction& instruction,
                               const std::string& checksum) {
  auto git = parse_git_source(source);
  const bool repository = git && !git->like_a_path;
  if (!repository && !is_http_source(source)) return std::nullopt;
  const Add* add = std::get_if<Add>(&instruction.kind);
  if (add == nullptr) {
    throw Error(repository ? "COPY can't have a git repository as its source"
                           : "COPY can't have a URL as its source")
        .hint("ADD can");
  }
  if (repository) return fetch_git(std::move(*git), *add, checksum);
  if (!checksum.empty()) require_digest(checksum, add->checksum->span);
  FetchHttp fetch{source, http_file_name(source), checksum};
  std::string path = fetch.file_name;
  return Fetched{std::move(fetch), std::move(path)};
}

std::optional<FetchGit> git_context(const std::string& url, bool keep_git_dir) {
  auto source = parse_git_source(url);
  if (!source) return std::nullopt;
  // As BuildKit: the build argument adds to what the URL says.
  if (keep_git_dir) source->keep_git_dir = true;
  return operation_of(std::move(*source), {});
}

void require_fetched(const std::string& source) {
  if (!is_http_source(source) && !parse_git_source(source))
    throw Error("--checksum needs a source that is a URL or a git repository");
}

}  // namespace slipway
