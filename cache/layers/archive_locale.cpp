#include <cache/layers/archive_locale.hpp>

namespace slipway {
namespace {

locale_t bytes_locale() {
  static const locale_t locale = ::newlocale(LC_ALL_MASK, "C", nullptr);
  return locale;
}

}  // namespace

BytesLocale::BytesLocale() : before_(::uselocale(bytes_locale())) {}

BytesLocale::~BytesLocale() { ::uselocale(before_); }

}  // namespace slipway
