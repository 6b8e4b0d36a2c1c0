#include <executor/http/fetch.hpp>

#include <cache/file_descriptor.hpp>
#include <cache/layers/extract.hpp>
#include <cache/registry/http.hpp>
#include <cache/registry/http_date.hpp>
#include <ir/checksum.hpp>
#include <ir/error.hpp>
#include <ir/remote_source.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <span>
#include <utility>

namespace slipway {
namespace {

constexpr std::string_view role = "the server";

std::string shown(const FetchHttp& operation) {
  return quoted(without_credentials(operation.url));
}

// Weak ones are compared like strong ones, as BuildKit does: who changes a file without saying so
// has a checksum to pin it.
std::string etag_of(const HttpResponse& response) {
  // Several are sent back in one header, and servers refuse long ones.
  constexpr std::size_t longest = 1024;
  std::string etag = response.header("etag");
  if (etag.starts_with("W/")) etag.erase(0, 2);
  return etag.size() <= longest ? etag : std::string();
}

// Last-Modified, if asking by it is safe: it says seconds, so the file may change again within the
// one that it was fetched in and keep its date.
std::string modified_of(const HttpResponse& response) {
  const std::string modified = response.header("last-modified");
  const auto changed = parse_http_date(modified);
  const auto sent = parse_http_date(response.header("date"));
  return changed && sent && *sent > *changed ? modified : std::string();
}

const HttpAnswer* with_etag(const std::vector<HttpAnswer>& known, const std::string& etag) {
  const auto found = std::find_if(known.begin(), known.end(), [&](const HttpAnswer& answer) {
    return !answer.etag.empty() && answer.etag == etag;
  });
  return found == known.end() ? nullptr : &*found;
}

// Which of the known answers is meant by "not modified"; null: the server does not say.
const HttpAnswer* meant(const std::vector<HttpAnswer>& asked, const HttpResponse& response) {
  // Asked about a single one, some servers leave its name out of the answer.
  const std::string etag = etag_of(response);
  return etag.empty() && asked.size() == 1 ? &asked.front() : with_etag(asked, etag);
}

// Takes the body: to a file, hashed on the way, within the limit.
class Download {
 public:
  Download(const HttpFetch& fetch, std::filesystem::path path)
      : fetch_(fetch),
        path_(std::move(path)),
        file_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {
    if (!file_) throw system_error("open", path_.string(), errno);
    const std::string& checksum = fetch.operation.checksum;
    if (!checksum.empty() && !checksum.starts_with("sha256:")) pinned_.emplace(checksum);
  }

  void take(std::span<const std::byte> bytes) {
    if (bytes.size() > fetch_.most_bytes - size_) {
      throw Error("it is larger than " + std::to_string(fetch_.most_bytes) + " bytes")
          .hint("slipway stops there, so that a server cannot fill the disk");
    }
    size_ += bytes.size();
    sha256_.update(bytes);
    if (pinned_) pinned_->update(bytes);
    write_all(file_.get(), bytes, path_.native());
  }

  // The whole file: its checksum is compared, and its time set.
  HttpFile finish(const HttpResponse& response) {
    HttpFile file;
    file.answer = {etag_of(response), modified_of(response), sha256_.finish()};
    file.size = size_;
    const std::string& wanted = fetch_.operation.checksum;
    const std::string got = pinned_ ? pinned_->finish() : file.answer.content.text();
    if (!wanted.empty() && got != wanted) {
      throw Error("the checksum of " + shown(fetch_.operation) + " is not the one it was asked for")
          .detail("expected " + wanted + "\n     got " + got + "\n")
          .hint("if the file was meant to change, put its new checksum into the Dockerfile");
    }
    // Before 1970 tars have no times, and a year of five digits is nobody's.
    constexpr std::int64_t latest = 253'402'300'799;  // the end of 9999
    file.mtime = std::clamp<std::int64_t>(
        parse_http_date(response.header("last-modified")).value_or(0), 0, latest);
    const timespec times[2] = {{static_cast<time_t>(file.mtime), 0},
                               {static_cast<time_t>(file.mtime), 0}};
    if (::futimens(file_.get(), times) != 0) throw system_error("futimens", path_.string(), errno);
    return file;
  }

 private:
  const HttpFetch& fetch_;
  const std::filesystem::path path_;
  const FileDescriptor file_;
  Hasher sha256_;
  std::optional<ChecksumHasher> pinned_;
  std::uint64_t size_ = 0;
};

Error refused(const HttpFetch& fetch, const HttpResponse& response) {
  const long status = response.status;
  Error error("cannot fetch " + shown(fetch.operation) + ": " + std::string(role) +
              " answers with status " + std::to_string(status));
  if (status == 404 || status == 410)
    return std::move(error).hint("there is no such file: check the URL");
  if (status == 401 || status == 403 || status == 407) {
    return std::move(error).hint(
        "it wants credentials: give them as the secret HTTP_AUTH_TOKEN_HOST, with the server's "
        "name for HOST");
  }
  if (status >= 500 || status == 429) return std::move(error).hint("try again later");
  return error;
}

class Asking {
 public:
  explicit Asking(const HttpFetch& fetch) : fetch_(fetch), client_(fetch.cancelled) {
    for (const HttpAnswer& answer : fetch.known) {
      if (!answer.etag.empty()) with_etags_.push_back(answer);
      if (dated_.empty() && !answer.modified.empty()) dated_.push_back(answer);
    }
  }

  std::optional<Digest> unchanged() {
    if (!with_etags_.empty()) {
      const HttpAnswer* same = unchanged_by_head();
      return same == nullptr ? std::nullopt : std::optional(same->content);
    }
    if (dated_.empty()) return std::nullopt;
    HttpRequest request = request_for(dated_);
    request.head = true;
    return client_.send(request).status == 304 ? std::optional(dated_.front().content)
                                               : std::nullopt;
  }

  std::variant<HttpUnchanged, HttpFile> run(const std::filesystem::path& path) {
    if (!with_etags_.empty()) {
      // There are servers that give ETags and never say "not modified".
      if (const HttpAnswer* same = unchanged_by_head()) return HttpUnchanged{same->content};
    }
    const std::vector<HttpAnswer>& asked = with_etags_.empty() ? dated_ : with_etags_;
    HttpRequest request = request_for(asked);
    Download download(fetch_, path);
    const auto send = [&] {
      return client_.send(request, [&](std::span<const std::byte> bytes) { download.take(bytes); });
    };
    HttpResponse response = send();
    if (response.status == 304 && !asked.empty()) {
      if (const HttpAnswer* same = meant(asked, response)) return HttpUnchanged{same->content};
      request = request_for({});
      response = send();
    }
    if (response.status < 200 || response.status >= 300) throw refused(fetch_, response);
    return download.finish(response);
  }

 private:
  HttpRequest request_for(const std::vector<HttpAnswer>& asked) const {
    HttpRequest request;
    request.url = fetch_.operation.url;
    request.authorization = fetch_.authorization;
    request.role = role;
    request.unpack_content = true;
    request.web = true;
    if (asked.empty()) return request;
    if (with_etags_.empty()) {
      request.headers.emplace_back("If-Modified-Since", asked.front().modified);
      return request;
    }
    std::string etags;
    for (const HttpAnswer& answer : asked) etags += (etags.empty() ? "" : ", ") + answer.etag;
    request.headers.emplace_back("If-None-Match", std::move(etags));
    return request;
  }

  const HttpAnswer* unchanged_by_head() {
    HttpRequest request = request_for(with_etags_);
    request.head = true;
    try {
      const HttpResponse response = client_.send(request);
      if (response.status != 200 && response.status != 304) return nullptr;
      return response.status == 304 ? meant(with_etags_, response)
                                    : with_etag(with_etags_, etag_of(response));
    } catch (const Error&) {
      // Not every server knows HEAD; what is really wrong the GET will say.
      return nullptr;
    }
  }

  const HttpFetch& fetch_;
  HttpClient client_;
  std::vector<HttpAnswer> with_etags_;
  std::vector<HttpAnswer> dated_;  // the newest one with a date, or none
};

}  // namespace

std::variant<HttpUnchanged, HttpFile> fetch_http(const HttpFetch& fetch, const Staging& staging) {
  try {
    return Asking(fetch).run(staging.upper() / fetch.operation.file_name);
  } catch (Error& error) {
    const Diagnostic& first = error.diagnostics().front();
    const std::string url = shown(fetch.operation);
    if (first.message.find(url) != std::string::npos) throw;
    throw Error("cannot fetch " + url + ": " + first.message).hint(first.hint).detail(first.detail);
  }
}

std::optional<Digest> ask_http_unchanged(const HttpFetch& fetch) {
  return Asking(fetch).unchanged();
}

BuiltLayer http_layer(const FetchHttp& operation, const HttpFile& file, const Staging& staging) {
  Entry entry;
  entry.path = operation.file_name;
  entry.type = Entry::Type::file;
  entry.mode = 0600;
  entry.size = file.size;
  entry.mtime = file.mtime;
  entry.content = file.answer.content;
  TreeEntries entries;
  entries.emplace(entry.path, std::move(entry));
  return build_tree(staging.upper(), entries);
}

}  // namespace slipway
