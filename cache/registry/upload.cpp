// What is put into a repository: blobs, and the manifests that refer to them.
#include <cache/registry/client.hpp>
#include <cache/registry/content_range.hpp>
#include <ir/error.hpp>

#include <algorithm>
#include <utility>

namespace slipway {
namespace {

// What a registry may ask for at least, in a piece: S3's parts have 5 MiB, others more.
constexpr std::uint64_t largest_piece = std::uint64_t{1} << 30;

constexpr int most_beginnings = 8;

std::optional<std::uint64_t> number(const std::string& text) {
  const auto range = parse_content_range("bytes */" + text);
  return range ? range->whole : std::nullopt;
}

bool refuses_pieces(long status) {
  return status == 404 || status == 405 || status == 415 || status == 501;
}

}  // namespace

// First a place to send it to, then all of it in one request, or a piece in each. Small blobs go in
// one: registries that are served by many machines keep pieces in order with difficulty, and some
// take none. An upload that does not end is the registry's to drop; most wait a week.
class RegistryClient::BlobPut {
 public:
  BlobPut(RegistryClient& client, const BlobDescriptor& blob, const Bytes& bytes,
          const BlobUpload& how)
      : client_(client),
        registry_(client.registry_),
        blob_(blob),
        bytes_(bytes),
        how_(how),
        piece_(std::max<std::uint64_t>(how.piece, 1)),
        purpose_{.what = "blob " + blob.digest.text(), .push = true, .once = true},
        patience_(registry_.patience()) {}

  void run() {
    if (!how_.location.empty()) {
      location_ = how_.location;
      if (!goes_on()) lose();
    }
    if (location_.empty()) location_ = client_.take_session(blob_.digest);
    while (!step()) {
    }
    tell_place({});
  }

 private:
  bool in_pieces() const { return at_ > 0 || (client_.takes_pieces_ && blob_.size > piece_); }

  // For what follows a failure: the registry may be away for a moment.
  template <class Action>
  auto persistently(const Action& action) {
    for (;;) {
      try {
        return action();
      } catch (const ConnectionError&) {
        if (!patience_.again()) throw;
      }
    }
  }

  // True: the registry has the blob.
  bool step() {
    if (location_.empty()) begin();
    const bool last = !in_pieces() || at_ == blob_.size;
    try {
      if (last) return commit();
      send_piece();
      return false;
    } catch (const ConnectionError&) {
      if (!patience_.again()) throw;
    }
    // Only the answer may have been lost.
    if (last && persistently([this] { return client_.has_blob(blob_); })) return true;
    recover();
    return false;
  }

  void begin() {
    const RequestPurpose purpose{.what = "repository " + quoted(registry_.repository()),
                                 .push = true,
                                 .brief = true,
                                 .may_collide = true};
    if (++beginnings_ > most_beginnings)
      throw Error(registry_.name() + " loses the upload of the blob " + blob_.digest.text() +
                  " again and again");
    const auto ask = [&] {
      return registry_.ask({.url = registry_.base() + "blobs/uploads/",
                            .upload = HttpUpload{.method = "POST", .body = {}}},
                           purpose);
    };
    const HttpResponse begun = beginnings_ == 1 ? ask() : persistently(ask);
    at_ = 0;
    // The last piece may be smaller, so that one piece is enough for any.
    piece_ = std::max<std::uint64_t>(how_.piece, 1);
    if (const auto least = number(begun.header("oci-chunk-min-length")))
      piece_ = std::max(piece_, std::min(*least, largest_piece));
    move_to(begun);
  }

  void send_piece() {
    const std::uint64_t size = std::min(piece_, blob_.size - at_);
    // The specification's form, without a unit.
    const HttpResponse response =
        send(location_, "PATCH", at_, size,
             {{"Content-Range", std::to_string(at_) + "-" + std::to_string(at_ + size - 1)}});
    if (response.succeeded()) {
      const auto there = parse_upload_range(response.header("range"));
      // It may have kept less than it was sent; "0-0" says nothing.
      const std::uint64_t before = at_;
      at_ += size;
      if (there && *there > 0) at_ = std::min(at_, *there);
      move_to(response);
      if (at_ > before) return patience_.progressed();
      if (!patience_.again()) registry_.refuse(response, purpose_);
      return;
    }
    if (at_ == 0 && refuses_pieces(response.status)) {
      client_.takes_pieces_ = false;
      client_.abandon(location_);
      return lose();
    }
    try_again(response);
    // 416: the pieces are out of order; its word on where it is counts.
    recover();
  }

  bool commit() {
    const std::string to = location_ + (location_.find('?') == std::string::npos ? "?" : "&") +
                           "digest=" + url_encode(blob_.digest.text());
    const bool pieces = in_pieces();
    const HttpResponse response =
        pieces ? send(to, "PUT", at_, 0, {}, at_) : send(to, "PUT", 0, blob_.size, {});
    if (response.succeeded()) return true;
    // Another client may have ended the same upload, or the answer to the first attempt was lost.
    if (response.status == 404 && client_.has_blob(blob_)) return true;
    try_again(response);
    if (response.status == 416 && pieces) {
      recover();
    } else {
      lose();
    }
    return false;
  }

  HttpResponse send(const std::string& url, const char* method, std::uint64_t from,
                    std::uint64_t size, std::vector<std::pair<std::string, std::string>> headers,
                    std::uint64_t before = 0) {
    HttpRequest request{.url = url, .headers = std::move(headers)};
    request.headers.emplace_back("Content-Type", "application/octet-stream");
    request.upload = HttpUpload{.method = method, .body = part(from, size), .before = before};
    if (how_.sent) {
      how_.sent(from);
      request.sent = [this, from](std::uint64_t bytes) { how_.sent(from + bytes); };
    }
    return registry_.ask(std::move(request), purpose_);
  }

  Bytes part(std::uint64_t from, std::uint64_t size) const {
    if (const auto* text = std::get_if<std::string>(&bytes_)) {
      return text->substr(static_cast<std::size_t>(std::min<std::uint64_t>(from, text->size())),
                          static_cast<std::size_t>(size));
    }
    FilePiece piece = std::get<FilePiece>(bytes_);
    if (size < piece.size) {
      piece.offset += from;
      piece.size = size;
    }
    return piece;
  }

  // Pauses where another attempt may go well; throws for all else.
  void try_again(const HttpResponse& response) {
    const long status = response.status;
    // 400: another client wrote the same; 404: the registry has lost the upload.
    const bool may_pass = is_passing(response) || status == 400 || status == 404 || status == 416;
    if (!may_pass || !patience_.again(retry_after(response))) registry_.refuse(response, purpose_);
  }

  // After a request that failed: goes on where the registry is, or from the beginning.
  void recover() {
    if (!in_pieces() || !goes_on()) lose();
  }

  // Asks how far the upload is. False: there is no such upload any more.
  bool goes_on() {
    for (;;) {
      const HttpResponse response =
          persistently([&] { return registry_.ask({.url = location_}, purpose_); });
      if (is_passing(response) && patience_.again(retry_after(response))) continue;
      if (!response.succeeded()) return false;
      const auto there = parse_upload_range(response.header("range"));
      // A header with another meaning, or another blob's upload.
      if (!there || *there > blob_.size) return false;
      at_ = *there;
      move_to(response);
      return true;
    }
  }

  void move_to(const HttpResponse& response) {
    // Where the upload goes on already, an answer may leave it out.
    if (location_.empty() || !response.header("location").empty())
      location_ = registry_.location(response);
    if (in_pieces()) tell_place(location_);
  }
  void lose() {
    location_.clear();
    at_ = 0;
    tell_place({});
  }
  void tell_place(const std::string& location) {
    if (how_.moved && told_ != location) how_.moved(location);
    told_ = location;
  }

  RegistryClient& client_;
  RegistryEndpoint& registry_;
  const BlobDescriptor& blob_;
  const Bytes& bytes_;
  const BlobUpload& how_;
  std::uint64_t piece_;
  const RequestPurpose purpose_;
  Patience patience_;
  std::string location_;  // of the next request; empty: the upload has not begun
  std::string told_ = how_.location;
  std::uint64_t at_ = 0;  // how many bytes the registry has
  int beginnings_ = 0;
};

void RegistryClient::put_blob(const BlobDescriptor& blob, const Bytes& bytes,
                              const BlobUpload& how) {
  BlobPut(*this, blob, bytes, how).run();
}

bool RegistryClient::mount_blob(const Digest& digest, const std::string& from_repository) {
  const RequestPurpose purpose{
      .what = "blob " + digest.text(), .push = true, .brief = true, .from = from_repository};
  HttpResponse response;
  try {
    response = registry_.ask(
        {.url = registry_.base() + "blobs/uploads/?mount=" + url_encode(digest.text()) +
                "&from=" + url_encode(from_repository),
         .upload = HttpUpload{.method = "POST", .body = {}}},
        purpose);
  } catch (const RegistryRefusal&) {
    // There may be no right to read from there, or no mounting at all. Whether there is one to
    // write here is for put_blob() to find out.
    return false;
  }
  if (response.status == 201) return true;
  // An upload was begun instead: put_blob() goes on with it.
  if (response.header("location").empty()) return false;
  std::string place = registry_.location(response);
  {
    const std::lock_guard lock(mutex_);
    std::swap(sessions_[digest], place);
  }
  if (!place.empty()) abandon(place);
  return false;
}

std::string RegistryClient::take_session(const Digest& digest) {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(digest);
  if (found == sessions_.end()) return {};
  std::string location = std::move(found->second);
  sessions_.erase(found);
  return location;
}

void RegistryClient::abandon(const std::string& location) {
  try {
    registry_.ask({.url = location, .upload = HttpUpload{.method = "DELETE", .body = {}}},
                  {.what = "upload", .push = true, .brief = true, .once = true});
  } catch (const ConnectionError&) {
    // The registry drops it by itself, later.
  }
}

}  // namespace slipway
