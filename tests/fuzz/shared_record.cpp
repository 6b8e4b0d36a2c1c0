// What shared caches give under a key: a record's document, or one in an envelope.
#include "target.hpp"

#include <cache/shared/record_document.hpp>
#include <cache/shared/signatures.hpp>

namespace slipway::fuzz {

void try_input(std::string_view input) {
  SharedRecord record;
  try {
    record = read_record_document(open_envelope(std::string(input)).document);
  } catch (const Error&) {
    return;
  }
  require(record.record.key == cache_key(record.record.parts), "a record is that of its parts");
  const std::string written = write_record_document(record);
  const SharedRecord again = read_record_document(written, record.record.key);
  require(again.record.parts == record.record.parts && again.record.layer == record.record.layer &&
              again.index == record.index && again.tar == record.tar,
          "a record written again is the same record");
  require(write_record_document(again) == written, "a record has one document");
}

}  // namespace slipway::fuzz
