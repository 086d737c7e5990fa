# One folder of the tree is one static target of the same name.
#   add_folder(store SOURCES … USES config net PkgConfig::SQLITE)
function(add_folder name)
  cmake_parse_arguments(F "" "" "SOURCES;USES" ${ARGN})
  add_library(${name} STATIC ${F_SOURCES})
  target_include_directories(${name} PUBLIC "${PROJECT_SOURCE_DIR}")
  target_compile_definitions(${name} PUBLIC _GNU_SOURCE)
  target_link_libraries(${name} PRIVATE project_warnings PUBLIC project_hardening ${F_USES})
endfunction()

# A cmocka program tests/unit/<folder>/test_<unit>.c. It links its folder whole
# and with it only what the folder may use: an upward call fails here.
#   add_unit_test(store exchange [EXTRA_SOURCES …] [USES …])
function(add_unit_test folder unit)
  cmake_parse_arguments(T "" "" "EXTRA_SOURCES;USES" ${ARGN})
  set(target test_${folder}_${unit})
  add_executable(${target} test_${unit}.c ${T_EXTRA_SOURCES})
  target_link_libraries(${target} PRIVATE project_warnings
    $<LINK_LIBRARY:WHOLE_ARCHIVE,${folder}> PkgConfig::CMOCKA ${T_USES})
  add_test(NAME unit.${folder}.${unit} COMMAND ${target}
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  set_tests_properties(unit.${folder}.${unit} PROPERTIES LABELS unit TIMEOUT 120)
endfunction()

# fuzz/fuzz_<name>.c: with BUILD_FUZZERS a libFuzzer program; otherwise a program
# that replays fuzz/corpus/<name>/ once, which the unit tests run.
function(add_fuzzer name)
  cmake_parse_arguments(F "" "" "USES" ${ARGN})
  set(target fuzz_${name})
  if(BUILD_FUZZERS)
    add_executable(${target} fuzz_${name}.c)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${target} fuzz_${name}.c replay.c)
    add_test(NAME fuzz.${name} COMMAND ${target} "${PROJECT_SOURCE_DIR}/fuzz/corpus/${name}")
    set_tests_properties(fuzz.${name} PROPERTIES LABELS unit TIMEOUT 120)
  endif()
  target_link_libraries(${target} PRIVATE project_warnings ${F_USES})
endfunction()
