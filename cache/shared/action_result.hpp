// A record as the value of an `ac/` entry: an ActionResult message of Bazel's remote execution
// (build.bazel.remote.execution.v2), because servers of that scheme may read the value, refuse what
// is none, and write it anew with fields of their own.
//
//   2  output_files   one for each blob that the record refers to: {1 path, 2 digest}
//   5  stdout_raw     the record's bytes
//   6  stdout_digest  {1 hash, 2 size_bytes}: of the blob that has them, where they are many
//
// Written by hand: these are three fields, and libprotobuf would cost every start of the program
// its libraries and every build of it a code generator. Reading takes the fields it knows, skips
// others as the format has it, and gives nothing for what is no message.
#pragma once

#include <cache/shared/transport.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace slipway {

using RecordPlace = std::variant<std::string, SharedBlob>;  // its bytes, or the blob that has them

std::string write_action_result(const RecordPlace& record, const std::vector<SharedBlob>& blobs);
std::optional<RecordPlace> read_action_result(std::string_view message);

}  // namespace slipway
