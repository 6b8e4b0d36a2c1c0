#include <cache/registry/blob_read.hpp>

#include <cache/registry/content_range.hpp>

#include <algorithm>

namespace slipway {

Error BlobRead::wrong_size(bool more) const {
  return Error(name_ + " gives " + (more ? "more" : "fewer") + " bytes for the blob " +
               blob_.digest.text() + " than the " + std::to_string(blob_.size) +
               " its manifest names");
}

void BlobRead::check(const HttpResponse& response, bool ranged) {
  if (ranged && response.status == 206) {
    const auto range = parse_content_range(response.header("content-range"));
    if (!range || range->unsatisfied || range->first != at_) {
      throw Error(name_ + " gives another part of the blob " + blob_.digest.text() +
                  " than asked for: " + quoted(response.header("content-range")) +
                  " instead of the bytes from " + std::to_string(at_) + " on");
    }
    if (range->whole.value_or(blob_.size) != blob_.size || range->last >= blob_.size)
      throw wrong_size(range->whole.value_or(blob_.size + 1) > blob_.size);
    return;
  }
  // The whole, though less was asked for.
  skip_ = at_;
  const std::string length = response.header("content-length");
  if (!length.empty() && length != std::to_string(blob_.size)) {
    const std::string expected = std::to_string(blob_.size);
    const bool more =
        length.size() == expected.size() ? length > expected : length.size() > expected.size();
    throw wrong_size(more);
  }
}

void BlobRead::take(std::span<const std::byte> bytes) {
  const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, bytes.size()));
  skip_ -= skipped;
  bytes = bytes.subspan(skipped);
  if (bytes.size() > blob_.size - at_) throw wrong_size(true);
  if (bytes.empty()) return;
  at_ += bytes.size();
  try {
    sink_(bytes);
  } catch (...) {
    sink_failed_ = true;
    throw;
  }
}

bool BlobRead::once(RegistryEndpoint& endpoint, bool ranged) {
  HttpRequest request{.url = endpoint.base() + "blobs/" + blob_.digest.text()};
  if (ranged) request.headers.emplace_back("Range", "bytes=" + std::to_string(at_) + "-");
  skip_ = 0;
  request.answered = [&](const HttpResponse& response) { check(response, ranged); };
  const RequestPurpose purpose{.what = "blob " + blob_.digest.text(), .may_be_absent = true};
  const HttpResponse response = endpoint.ask(
      std::move(request), purpose, [this](std::span<const std::byte> bytes) { take(bytes); });
  if (response.status == 404) return false;
  // A part may end early; the whole may not.
  if (at_ < blob_.size && !(ranged && response.status == 206)) throw wrong_size(false);
  return true;
}

bool BlobRead::from(RegistryEndpoint& endpoint) {
  name_ = endpoint.name();
  if (start_ > 0 && start_ >= blob_.size) return true;
  bool takes_ranges = true;
  Patience patience = endpoint.patience();
  // At least once, because an empty blob may not be there.
  while (at_ < blob_.size || at_ == start_) {
    const std::uint64_t before = at_;
    const bool ranged = takes_ranges && at_ > 0;
    try {
      if (!once(endpoint, ranged)) {
        if (at_ == start_) return false;
        throw Error(name_ + " has no blob " + blob_.digest.text() +
                    " any more, of which it gave a part");
      }
      if (at_ == blob_.size) return true;
      if (at_ == before) throw wrong_size(false);
    } catch (const ConnectionError& error) {
      // That the connection was not closed well does not matter then.
      if (at_ == blob_.size && !sink_failed_ && at_ > before) return true;
      if (at_ > before) patience.progressed();
      // One that was there and cannot be made again may be in a moment.
      if (sink_failed_ || !(error.broke() || at_ > start_) || !patience.again()) throw;
    } catch (const RegistryRefusal& refusal) {
      if (refusal.status() != 416 || !ranged) throw;
      takes_ranges = false;
    }
  }
  return true;
}

}  // namespace slipway
