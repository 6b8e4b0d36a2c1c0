// What S3 says in XML: names of uploads, and why it refuses.
#pragma once

#include <cache/shared/http_transport.hpp>

#include <string>
#include <string_view>

namespace slipway {

// What the first element of that name holds, if that is text: S3's answers that are read here have
// nothing else, and no two elements of one name. Empty where there is none.
std::string xml_text(std::string_view document, std::string_view element);
std::string xml_escaped(std::string_view text);

// `signed_in`: the request had credentials.
Refusal explain_s3_refusal(const HttpResponse& response, bool signed_in);

}  // namespace slipway
