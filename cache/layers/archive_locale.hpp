// libarchive's view of names, pinned.
#pragma once

#include <locale.h>

namespace slipway {

// The "C" locale on this thread for a scope. libarchive converts names between the locale's
// character set and UTF-8, and on the way composes accents; in "C" it hands bytes through as they
// are, which is what a file name is. So every call into it happens inside one of these.
class [[nodiscard]] BytesLocale {
 public:
  BytesLocale();
  BytesLocale(const BytesLocale&) = delete;
  ~BytesLocale();

 private:
  locale_t before_;
};

}  // namespace slipway
