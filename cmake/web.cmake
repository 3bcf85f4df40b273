# The files of web/ become a source of the module web: as they are and gzipped, with a tag of their content. The charts'
# library (uPlot) comes from npm (./dev setup web), at the version of web/package-lock.json; without it the charts are
# those that the server draws, which is said here.
set(web_folder ${CMAKE_SOURCE_DIR}/web)
set(web_files style.css icon.svg dashboard.js check.js)
set(web_paths)
foreach(file ${web_files})
  list(APPEND web_paths ${web_folder}/${file})
endforeach()
set(uplot ${web_folder}/node_modules/uplot/dist)
if(EXISTS ${uplot}/uPlot.iife.min.js AND EXISTS ${uplot}/uPlot.min.css)
  list(APPEND web_paths ${uplot}/uPlot.iife.min.js ${uplot}/uPlot.min.css)
else()
  message(STATUS "web pages: uPlot is not installed (./dev setup web): charts are drawn by the server, and do not zoom")
endif()
find_program(GZIP_PROGRAM gzip REQUIRED)
set(web_source ${CMAKE_BINARY_DIR}/web_assets.cc)
# A list cannot stand in one argument of a command
string(REPLACE ";" "|" web_list "${web_paths}")
add_custom_command(
  OUTPUT ${web_source}
  COMMAND ${CMAKE_COMMAND} -DOUTPUT=${web_source} -DFILES=${web_list} -DGZIP=${GZIP_PROGRAM} -P ${CMAKE_SOURCE_DIR}/cmake/web_assets.cmake
  DEPENDS ${web_paths} ${CMAKE_SOURCE_DIR}/cmake/web_assets.cmake
  VERBATIM COMMENT "Packing the web pages")
target_sources(postern_web PRIVATE ${web_source})
