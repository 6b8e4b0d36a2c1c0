// Lists that come in several answers (distribution-spec, "Listing Tags").
#pragma once

#include <cache/registry/endpoint.hpp>

#include <functional>
#include <string>

namespace slipway {

// Asks for `url`, and for what each answer's Link header says is next: at the same registry only,
// and not for ever. `page` gives false when it has seen enough; it gets 404 as well, where the
// purpose takes that for an answer. Throws Error.
void read_pages(RegistryEndpoint& registry, const std::string& url, const RequestPurpose& purpose,
                const std::function<bool(const HttpResponse&)>& page);

}  // namespace slipway
