# Run at build time by cmake/web.cmake: writes OUTPUT, a C++ source with the octets of FILES ("a|b|c"), each as it is and
# packed by GZIP.
string(REPLACE "|" ";" files "${FILES}")

function(octets file out)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  set(${out} "${bytes}" PARENT_SCOPE)
endfunction()

set(arrays "")
set(rows "")
set(number 0)
foreach(file ${files})
  get_filename_component(name ${file} NAME)
  get_filename_component(extension ${file} LAST_EXT)
  if(extension STREQUAL ".css")
    set(type "text/css; charset=utf-8")
  elseif(extension STREQUAL ".js")
    set(type "text/javascript; charset=utf-8")
  elseif(extension STREQUAL ".svg")
    set(type "image/svg+xml")
  else()
    message(FATAL_ERROR "${file}: of which type is it?")
  endif()
  file(SHA256 ${file} hash)
  string(SUBSTRING ${hash} 0 16 tag)
  set(packed ${OUTPUT}.${number}.gz)
  execute_process(COMMAND ${GZIP} -9 -n -c ${file} OUTPUT_FILE ${packed} RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "${GZIP} failed on ${file}")
  endif()
  octets(${file} plain)
  octets(${packed} small)
  file(REMOVE ${packed})
  string(APPEND arrays "constexpr unsigned char kPlain${number}[] = {${plain}};\nconstexpr unsigned char kPacked${number}[] = {${small}};\n")
  string(APPEND rows "    {\"${name}\", \"${type}\", \"\\\"${tag}\\\"\", text(kPlain${number}), text(kPacked${number})},\n")
  math(EXPR number "${number} + 1")
endforeach()

file(WRITE ${OUTPUT} "// Made by cmake/web_assets.cmake.
#include \"web/assets.h\"

namespace postern::web {

namespace {

${arrays}
template <std::size_t Size>
std::string_view text(const unsigned char (&octets)[Size]) {
  return {reinterpret_cast<const char*>(octets), Size};
}

}  // namespace

std::span<const Asset> assets() {
  static const Asset kAssets[] = {
${rows}  };
  return kAssets;
}

}  // namespace postern::web
")
