# Warnings are errors where WARNINGS_AS_ERRORS says so (CI), never for packagers.
option(WARNINGS_AS_ERRORS "Turn warnings into errors" OFF)
if(WARNINGS_AS_ERRORS)
  set(CMAKE_COMPILE_WARNING_AS_ERROR ON)
endif()

add_library(project_warnings INTERFACE)
target_compile_options(project_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes
  -Wmissing-prototypes -Wwrite-strings -Wvla -Wformat=2 -Wundef
  -Wcast-align -Wpointer-arith
  $<$<C_COMPILER_ID:GNU>:-Wduplicated-cond -Wlogical-op -Wjump-misses-init
  -Wnull-dereference>)
