// The document, in the order of its names and without blanks:
//
//   created, ran  seconds since the epoch; duration: nanoseconds
//   files         a list of [part, list]: the list compressed by zstd, in base64
//   format        1. Another number is another format, whatever else is there
//   index, tar    {digest, size} of the blob
//   layer         {diff_id, size, tree}
//   parts         a list of [label, value]. The key is their hash, so it stands nowhere
//   step          the vertex's name
//
// Digests are written "sha256:...". A text that is not UTF-8 is {"base64": "..."} instead of a
// string. Names that are not known are passed over.
#include <cache/shared/record_document.hpp>

#include <cache/archive/zstd.hpp>
#include <cache/layers/decompress.hpp>
#include <cache/registry/base64.hpp>
#include <cache/json_bounds.hpp>
#include <cache/text_source.hpp>
#include <ir/code_point.hpp>
#include <ir/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>

namespace slipway {
namespace {

using Json = nlohmann::json;  // sorted by name

constexpr std::uint64_t format = 1;

// Far from what is honest: a step has some fifty parts, on four hundred layers.
constexpr std::size_t most_depth = 6;
constexpr std::size_t most_values = 200'000;
constexpr std::size_t most_lists = 1000;
constexpr std::size_t longest_list = std::size_t{4} << 20;  // as most_file_list
constexpr std::size_t longest_lists = std::size_t{32} << 20;
constexpr std::size_t longest_step = std::size_t{1} << 20;
// What every reader of JSON can hold.
constexpr std::uint64_t largest_number = (std::uint64_t{1} << 53) - 1;
// Nanoseconds: eleven days. What steps took is added up over a whole build, and thousands of the
// longest have to stay a number.
constexpr std::int64_t longest_duration = 1'000'000'000'000'000;

Error malformed(const std::string& what) {
  return Error("the record is malformed: " + what);
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const CodePoint point = decode(text);
    if (!point.valid) return false;
    text.remove_prefix(point.length);
  }
  return true;
}

std::string compressed(std::string_view bytes) {
  std::string result;
  ZstdWriter zstd([&](std::span<const std::byte> piece) {
    result.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  });
  zstd.write(std::as_bytes(std::span(bytes)));
  zstd.finish();
  return result;
}

std::string decompressed(std::string_view bytes) {
  TextSource source(bytes);
  const std::unique_ptr<ByteSource> plain = open_decompressed(source);
  std::string result;
  std::array<std::byte, 16384> buffer;
  while (const std::size_t got = plain->read(buffer)) {
    result.append(reinterpret_cast<const char*>(buffer.data()), got);
    if (result.size() > longest_list) throw malformed("a list of files is too long");
  }
  return result;
}

Json text_json(const std::string& text) {
  if (is_utf8(text)) return text;
  return {{"base64", encode_base64(text)}};
}

Json blob_json(const SharedBlob& blob) {
  return {{"digest", blob.digest.text()}, {"size", blob.size}};
}

Json files_json(const std::vector<RecordedFiles>& files) {
  Json json = Json::array();
  std::size_t room = most_shared_files;
  for (const RecordedFiles& one : files) {
    const std::string list = compressed(one.list);
    if (list.size() > room) continue;
    room -= list.size();
    json.push_back(Json::array({text_json(one.part), encode_base64(list)}));
  }
  return json;
}

const Json& member(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) throw malformed("it has no " + quoted(name));
  return *found;
}

const Json& list_member(const Json& object, const char* name) {
  const Json& list = member(object, name);
  if (!list.is_array()) throw malformed(quoted(name) + " is no list");
  return list;
}

std::uint64_t number(const Json& object, const char* name, std::uint64_t most = largest_number) {
  const Json& json = member(object, name);
  if (!json.is_number_unsigned() || json.get<std::uint64_t>() > most) {
    throw malformed(quoted(name) + " is no number, or too large");
  }
  return json.get<std::uint64_t>();
}

std::string base64(const Json& json) {
  std::optional<std::string> bytes;
  if (json.is_string()) bytes = decode_base64(json.get_ref<const std::string&>());
  if (!bytes) throw malformed("what should be base64 is not");
  return std::move(*bytes);
}

std::string text(const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  if (!json.is_object()) throw malformed("what should be a text is none");
  return base64(member(json, "base64"));
}

Digest digest(const Json& object, const char* name) {
  const Json& json = member(object, name);
  const auto digest =
      json.is_string() ? Digest::parse(json.get_ref<const std::string&>()) : std::nullopt;
  if (!digest) throw malformed(quoted(name) + " is no digest");
  return *digest;
}

const Json& object_member(const Json& object, const char* name) {
  const Json& json = member(object, name);
  if (!json.is_object()) throw malformed(quoted(name) + " is no object");
  return json;
}

SharedBlob blob(const Json& object, const char* name) {
  const Json& json = object_member(object, name);
  return {digest(json, "digest"), number(json, "size")};
}

// Of [one, other].
const Json& of_pair(const Json& pair, std::size_t position) {
  if (!pair.is_array() || pair.size() != 2) throw malformed("what should be a pair is none");
  return pair[position];
}

std::vector<RecordedFiles> read_files(const Json& json) {
  if (json.size() > most_lists) throw malformed("it has too many lists of files");
  std::vector<RecordedFiles> files;
  std::size_t length = 0;
  for (const Json& pair : json) {
    files.push_back({text(of_pair(pair, 0)), decompressed(base64(of_pair(pair, 1)))});
    length += files.back().list.size();
    if (length > longest_lists) throw malformed("its lists of files are too long");
  }
  return files;
}

// `key`: before anything else is read, it must be that one; null: it may be any.
SharedRecord read(std::string_view document, const CacheKey* key) {
  if (document.size() > CacheTransport::longest_record ||
      !is_modest_json(document, most_depth, most_values)) {
    throw malformed("it is too large");
  }
  const Json json = Json::parse(document, nullptr, false);
  if (!json.is_object()) throw malformed("it is no JSON object");
  if (number(json, "format") != format) {
    throw malformed("its format is " + std::to_string(number(json, "format")) + ", not 1");
  }
  SharedRecord shared;
  Record& record = shared.record;
  for (const Json& pair : list_member(json, "parts")) {
    record.parts.push_back({text(of_pair(pair, 0)), text(of_pair(pair, 1))});
  }
  record.key = cache_key(record.parts);
  if (key != nullptr && record.key != *key) {
    throw Error("the record is that of another key: " + record.key.text());
  }

  const Json& layer = object_member(json, "layer");
  record.layer = {DiffId{digest(layer, "diff_id")}, TreeDigest{digest(layer, "tree")},
                  number(layer, "size")};
  record.created = static_cast<std::int64_t>(number(json, "created"));
  record.ran = static_cast<std::int64_t>(number(json, "ran"));
  record.duration = static_cast<std::int64_t>(number(json, "duration", longest_duration));
  record.step = text(member(json, "step"));
  if (record.step.size() > longest_step) throw malformed("the step's name is too long");
  shared.index = blob(json, "index");
  shared.tar = blob(json, "tar");
  shared.files = read_files(list_member(json, "files"));
  return shared;
}

}  // namespace

std::string write_record_document(const SharedRecord& shared) {
  const Record& record = shared.record;
  Json json;
  json["format"] = format;
  json["created"] = std::max<std::int64_t>(record.created, 0);
  json["ran"] = std::max<std::int64_t>(record.ran, 0);
  json["duration"] = std::clamp<std::int64_t>(record.duration, 0, longest_duration);
  json["step"] = text_json(record.step);
  json["layer"] = {{"diff_id", record.layer.diff_id.text()},
                   {"tree", record.layer.tree.text()},
                   {"size", record.layer.size}};
  json["index"] = blob_json(shared.index);
  json["tar"] = blob_json(shared.tar);
  Json& parts = json["parts"] = Json::array();
  for (const KeyPart& part : record.parts) {
    parts.push_back(Json::array({text_json(part.label), text_json(part.value)}));
  }
  json["files"] = files_json(shared.files);
  return json.dump();
}

SharedRecord read_record_document(std::string_view document, const CacheKey& key) {
  return read(document, &key);
}

SharedRecord read_record_document(std::string_view document) {
  return read(document, nullptr);
}

bool can_be_shared(const KeyParts& parts) {
  return std::none_of(parts.begin(), parts.end(),
                      [](const KeyPart& part) { return part.label.starts_with("secret["); });
}

}  // namespace slipway
