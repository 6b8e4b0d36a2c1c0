#include <cache/mounts/pack_writer.hpp>

#include <ir/error.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace slipway {
namespace {

FileDescriptor make_file(const std::filesystem::path& path) {
  FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) throw system_error("open", path.native(), errno);
  return file;
}

}  // namespace

PackWriter::Place PackWriter::add(const Digest& digest, std::string_view bytes) {
  if (!file_) {
    file_ = make_file(folder_.file(files_));
    packs_.emplace_back();
  }
  const std::string frame = frames_.compress(bytes);
  write_all(file_.get(), frame, folder_.file(files_).native());
  hasher_.update(frame);
  Pack& pack = packs_.back();
  pack.blob.size += frame.size();
  pack.chunks.push_back(
      {digest, static_cast<std::uint32_t>(bytes.size()), static_cast<std::uint32_t>(frame.size())});
  const Place place{static_cast<std::uint32_t>(packs_.size() - 1),
                    static_cast<std::uint32_t>(pack.chunks.size() - 1)};
  if (pack.blob.size >= full_pack) close_pack();
  return place;
}

void PackWriter::close_pack() {
  if (!file_) return;
  file_ = {};
  packs_.back().blob.digest = hasher_.finish();
  start_sending(packs_.back().blob, folder_.file(files_++));
}

SharedBlob PackWriter::send(std::string_view bytes) {
  const SharedBlob blob{sha256(bytes), bytes.size()};
  const std::filesystem::path path = folder_.file(files_++);
  write_all(make_file(path).get(), bytes, path.native());
  start_sending(blob, path);
  return blob;
}

void PackWriter::start_sending(const SharedBlob& blob, const std::filesystem::path& file) {
  transfers_.start([this, blob, file] {
    if (!transport_.has_blob(blob)) {
      transport_.put_blob(blob, file);
      sent_ += blob.size;
    }
    ::unlink(file.c_str());  // no sooner: what is sent twice would not fit on a small disk
  });
}

std::vector<Pack> PackWriter::finish() {
  close_pack();
  transfers_.finish();
  return std::exchange(packs_, {});
}

}  // namespace slipway
