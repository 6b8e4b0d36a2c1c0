# embed_pages(SOURCE): writes a source file with all of docs/*.md in it, which defines check_page_text().
# Done again when a page changes, comes or goes.
function(embed_pages source)
  set(folder ${CMAKE_CURRENT_SOURCE_DIR}/checks/docs)
  file(GLOB pages CONFIGURE_DEPENDS ${folder}/*.md)
  set(text "// Made from frontend/checks/docs by embed_pages.cmake.\n")
  string(APPEND text "#include <frontend/checks/pages.hpp>\n\n#include <utility>\n\n"
                     "namespace slipway {\n\nstd::string_view check_page_text(const CheckRule& rule) {\n"
                     "  static constexpr std::pair<std::string_view, std::string_view> pages[] = {\n")
  foreach(page IN LISTS pages)
    get_filename_component(name ${page} NAME_WE)
    file(READ ${page} content)
    string(APPEND text "      {\"${name}\", R\"page(${content})page\"},\n")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${page})
  endforeach()
  string(APPEND text "  };\n  for (const auto& [name, text] : pages)\n    if (name == rule.name) return text;\n"
                     "  return {};\n}\n\n}  // namespace slipway\n")
  set(before "")
  if(EXISTS ${source})
    file(READ ${source} before)
  endif()
  if(NOT before STREQUAL text)  # an unchanged file is not compiled again
    file(WRITE ${source} "${text}")
  endif()
endfunction()
