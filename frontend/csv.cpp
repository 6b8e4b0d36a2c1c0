#include <frontend/csv.hpp>

namespace slipway {

std::vector<Fragment> read_csv(const Fragment& text, Report& report) {
  std::vector<Fragment> fields;
  const std::string& all = text.text();
  if (all.empty()) {
    report.error(text.span(), "the value is empty");
    return fields;
  }
  for (std::size_t at = 0;; ++at) {
    const std::size_t begin = at;
    Fragment field = text.slice(at, at);
    if (at < all.size() && all[at] == '"') {
      for (++at; at < all.size(); ++at) {
        if (all[at] == '"' && (++at == all.size() || all[at] != '"')) break;
        field.append(text, at, at + 1);
      }
      const bool closed = at > begin + 1 && all[at - 1] == '"';
      if (!closed || (at < all.size() && all[at] != ',')) {
        report.error(text.span(begin, at),
                     closed ? "a comma has to follow the closing quote" : "this quote does not end");
        return {};
      }
    } else {
      at = std::min(all.find(',', at), all.size());
      field = text.slice(begin, at);
      const std::size_t quote = field.text().find('"');
      if (quote != std::string::npos) {
        report.error(field.span(quote, quote + 1), "a quote inside a value that has none around it",
                     "quote the whole key=value, and double the quotes in it");
        return {};
      }
    }
    fields.push_back(std::move(field));
    if (at >= all.size()) return fields;
  }
}

}  // namespace slipway
