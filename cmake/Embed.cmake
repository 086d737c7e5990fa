# A file of the tree as an array of bytes: embed_text(store postgres/001.sql pg_001) makes
# what #include "store/pg_001.inc" brings between the braces of an array of char, with a
# zero at its end. (A string literal of more than 4095 characters is no C11.)
if(CMAKE_SCRIPT_MODE_FILE)
  file(READ "${FROM}" hex HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  file(WRITE "${TO}" "${bytes}0\n")
  return()
endif()

set(EMBED_SCRIPT "${CMAKE_CURRENT_LIST_FILE}")
function(embed_text target file name)
  set(from "${CMAKE_CURRENT_SOURCE_DIR}/${file}")
  set(to "${PROJECT_BINARY_DIR}/embedded/${target}/${name}.inc")
  add_custom_command(OUTPUT "${to}" VERBATIM
    COMMAND "${CMAKE_COMMAND}" "-DFROM=${from}" "-DTO=${to}" -P "${EMBED_SCRIPT}"
    DEPENDS "${from}" "${EMBED_SCRIPT}")
  target_sources(${target} PRIVATE "${to}")
  target_include_directories(${target} PRIVATE "${PROJECT_BINARY_DIR}/embedded")
endfunction()
