# A file of the tree as an array of bytes: embed_text(store postgres/001.sql pg_001) makes
# pg_001.inc, the numbers between the braces of `static const char pg_001[] = {`, in a
# folder that the target includes from. A string literal would be cut at 4095 characters.
if(CMAKE_SCRIPT_MODE_FILE)
  file(READ "${FROM}" hex HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  file(WRITE "${TO}" "${bytes}0\n")
  return()
endif()

set(EMBED_SCRIPT "${CMAKE_CURRENT_LIST_FILE}")
function(embed_text target file name)
  set(from "${CMAKE_CURRENT_SOURCE_DIR}/${file}")
  set(to "${CMAKE_CURRENT_BINARY_DIR}/embedded/${name}.inc")
  add_custom_command(OUTPUT "${to}" VERBATIM
    COMMAND "${CMAKE_COMMAND}" "-DFROM=${from}" "-DTO=${to}" -P "${EMBED_SCRIPT}"
    DEPENDS "${from}" "${EMBED_SCRIPT}")
  target_sources(${target} PRIVATE "${to}")
  target_include_directories(${target} PRIVATE "${CMAKE_CURRENT_BINARY_DIR}/embedded")
endfunction()
