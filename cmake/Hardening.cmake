# What every binary is built with, and the sanitizers where a preset asks for them.
set(SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize= (address,undefined | thread)")

include(CheckPIESupported)
check_pie_supported()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_library(project_hardening INTERFACE)
target_compile_options(project_hardening INTERFACE
  -fstack-protector-strong -fno-strict-aliasing
  $<$<C_COMPILER_ID:GNU>:-fstack-clash-protection -fcf-protection=full>)
target_link_options(project_hardening INTERFACE
  -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed)
if(SANITIZE)
  target_compile_options(project_hardening INTERFACE
    -fsanitize=${SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(project_hardening INTERFACE -fsanitize=${SANITIZE})
else()
  # Needs optimisation, and hides overruns from the sanitizers.
  target_compile_options(project_hardening INTERFACE
    $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3>)
endif()
