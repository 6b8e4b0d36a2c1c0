#include <cache/mounts/export_mount.hpp>

#include <cache/mounts/chunker.hpp>
#include <cache/mounts/document.hpp>
#include <cache/mounts/memory.hpp>
#include <cache/mounts/pack_writer.hpp>
#include <cache/mounts/shared_mount.hpp>
#include <cache/mounts/units.hpp>
#include <ir/error.hpp>

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace slipway {
namespace {

// More packs than this that are not even half full are packed anew, together: each export may
// leave one, and each is a request of every import.
constexpr std::size_t most_small_packs = 16;

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class Exporter {
 public:
  Exporter(CacheTransport& transport, const MountSource& source)
      : transport_(transport), source_(source) {}

  MountExport run() {
    const std::optional<std::string> record = transport_.record(mount_record_key(source_.id));
    std::vector<Pack> present;
    std::optional<Digest> document_there;
    if (record) {
      try {
        SharedMount shared = read_shared_mount(transport_, source_.id, *record);
        present = std::move(shared.document.packs);
        // One that lacks our signature is not what we would leave there.
        if (source_.sign == nullptr || source_.sign->signed_by_this(shared.signatures))
          document_there = shared.record.document.digest;
      } catch (const Error&) {
        present.clear();  // what is damaged is replaced
      }
    }
    tree_ = read_mount_tree(source_.directory, source_.cancelled);
    result_.left_out = tree_.left_out;
    units_ = plan_units(tree_);
    const FileDescriptor root = open_root(source_.directory);
    find_chunks(root.get());
    choose_packs(std::move(present));
    pack_rest(root.get());
    write(document_there);
    if (!source_.memory.empty()) write_unit_memory(memory_, source_.aside, source_.memory);
    return result_;
  }

 private:
  void require_going_on() const {
    if (source_.cancelled && source_.cancelled())
      throw Error("exporting the cache mount was interrupted");
  }

  // What each unit consists of, from memory or by reading it.
  void find_chunks(int root) {
    const UnitMemory known =
        source_.memory.empty() ? UnitMemory() : read_unit_memory(source_.memory);
    UnitReader reader(root, tree_);
    for (const Unit& unit : units_) {
      require_going_on();
      result_.size += unit.size;
      const Digest key = unit_key(tree_, unit);
      const auto found = known.find(key);
      const bool settled = found != known.end();
      chunks_.push_back(settled ? found->second : cut(unit, reader));
      if (settled || reader.take_settled()) memory_.insert_or_assign(key, chunks_.back());
    }
  }

  std::vector<UnitChunk> cut(const Unit& unit, UnitReader& reader) {
    std::vector<UnitChunk> chunks;
    result_.read += unit.size;
    std::uint64_t read = 0;
    std::size_t held = 0;  // bytes at the front of the buffer
    while (read < unit.size || held > 0) {
      const auto more = static_cast<std::size_t>(
          std::min<std::uint64_t>(unit.size - read, buffer_.size() - held));
      reader.read(unit, read, std::span(buffer_).subspan(held, more));
      read += more;
      held += more;
      std::span<const std::byte> rest = std::span(buffer_).first(held);
      while (!rest.empty() && (read == unit.size || rest.size() >= largest_chunk)) {
        const std::size_t length = unit.small ? rest.size() : chunk_length(rest);
        const auto chunk = rest.first(length);
        chunks.push_back({sha256(text_of(chunk)), static_cast<std::uint32_t>(length)});
        rest = rest.subspan(length);
      }
      std::copy(rest.begin(), rest.end(), buffer_.begin());
      held = rest.size();
    }
    return chunks;
  }

  // Which of the packs that are there stay, and what is in them.
  void choose_packs(std::vector<Pack> present) {
    std::unordered_map<Digest, std::pair<std::size_t, std::uint32_t>> there;  // pack, frame
    for (std::size_t pack = 0; pack < present.size(); ++pack) {
      for (const PackedChunk& chunk : present[pack].chunks)
        there.try_emplace(chunk.digest, pack, chunk.stored);
    }
    std::vector<std::uint64_t> used(present.size(), 0);
    for (const std::vector<UnitChunk>& unit : chunks_) {
      for (const UnitChunk& chunk : unit) {
        const auto found = there.find(chunk.digest);
        if (found == there.end()) continue;
        used[found->second.first] += found->second.second;
        there.erase(found);  // each counts once
      }
    }
    std::vector<char> stays(present.size(), 0);  // not of bool: each is written by another thread
    Transfers questions;
    for (std::size_t pack = 0; pack < present.size(); ++pack) {
      if (used[pack] * 2 < present[pack].blob.size || used[pack] == 0) continue;
      questions.start([this, &present, &stays, pack] {
        stays[pack] = transport_.has_blob(present[pack].blob) ? 1 : 0;
      });
    }
    questions.finish();
    const auto is_small = [&](std::size_t pack) {
      return stays[pack] != 0 && present[pack].blob.size < full_pack / 2;
    };
    std::size_t small = 0;
    for (std::size_t pack = 0; pack < present.size(); ++pack) small += is_small(pack) ? 1 : 0;
    for (std::size_t pack = 0; pack < present.size(); ++pack) {
      if (stays[pack] == 0 || (small > most_small_packs && is_small(pack))) continue;
      const auto place = static_cast<std::uint32_t>(document_.packs.size());
      std::uint32_t number = 0;
      for (const PackedChunk& chunk : present[pack].chunks)
        places_.try_emplace(chunk.digest, PackWriter::Place{place, number++});
      document_.packs.push_back(std::move(present[pack]));
    }
  }

  // What no pack has. It is read once more, because keeping it would take the mount's size in
  // memory; and hashed once more, because a document must not name what is not in its packs.
  void pack_rest(int root) {
    packs_.emplace(transport_, source_.work);
    const auto before = static_cast<std::uint32_t>(document_.packs.size());
    UnitReader reader(root, tree_);
    for (std::size_t unit = 0; unit < units_.size(); ++unit) {
      require_going_on();
      std::uint64_t offset = 0;
      for (const UnitChunk& chunk : chunks_[unit]) {
        if (!places_.contains(chunk.digest)) {
          const std::span<std::byte> bytes = std::span(buffer_).first(chunk.size);
          reader.read(units_[unit], offset, bytes);
          if (sha256(text_of(bytes)) != chunk.digest)
            throw Error("a file of the cache mount changed while it was exported");
          PackWriter::Place place = packs_->add(chunk.digest, text_of(bytes));
          place.pack += before;
          places_.emplace(chunk.digest, place);
        }
        offset += chunk.size;
        add_to_content(places_.at(chunk.digest));
      }
    }
    for (Pack& pack : packs_->finish()) document_.packs.push_back(std::move(pack));
  }

  void add_to_content(const PackWriter::Place& place) {
    std::vector<ChunkRun>& content = document_.content;
    if (!content.empty()) {
      ChunkRun& last = content.back();
      if (last.pack == place.pack && last.first + last.count == place.chunk) {
        ++last.count;
        return;
      }
    }
    content.push_back({place.pack, place.chunk, 1});
  }

  // The record comes last: until then the cache has what it had.
  void write(const std::optional<Digest>& document_there) {
    std::uint64_t position = 0;
    for (const Unit& unit : units_) {
      for (const std::size_t file : unit.files) {
        tree_.entries[file].position = position;
        position += data_size(tree_.entries[file]);
      }
    }
    document_.entries = std::move(tree_.entries);
    MountRecord record;
    record.key = mount_record_key(source_.id);
    record.id = source_.id;
    record.document = packs_->send(encode_mount_document(document_));
    record.size = result_.size;
    packs_->finish();
    result_.sent = packs_->sent();
    if (record.document.digest == document_there && result_.sent == 0) return;  // nothing is new
    std::vector<SharedBlob> blobs{record.document};
    for (const Pack& pack : document_.packs) blobs.push_back(pack.blob);
    std::string bytes = encode_mount_record(record);
    if (source_.sign != nullptr) bytes = source_.sign->envelope(bytes);
    transport_.put_record(record.key, bytes, blobs);
    result_.sent += bytes.size();
  }

  CacheTransport& transport_;
  const MountSource& source_;
  MountTree tree_;
  std::vector<Unit> units_;
  std::vector<std::vector<UnitChunk>> chunks_;  // of each unit
  UnitMemory memory_;                           // of what was found this time
  std::unordered_map<Digest, PackWriter::Place> places_;
  MountDocument document_;
  std::optional<PackWriter> packs_;
  MountExport result_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(std::size_t{4} << 20);
};

}  // namespace

MountExport export_mount(CacheTransport& transport, const MountSource& source) {
  return Exporter(transport, source).run();
}

}  // namespace slipway
