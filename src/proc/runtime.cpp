// SPDX-License-Identifier: MIT
#include "runtime.hpp"

#include <fcntl.h>

#include "fd.hpp"
#include "file.hpp"
#include "unwait/error.hpp"

namespace unwait::proc {
namespace {

constexpr std::size_t longest_maps = std::size_t{1} << 26;

bool maps_library(std::string_view maps, std::string_view name) {
    return maps.find(name) != std::string_view::npos;
}

}  // namespace

Runtime runtime_of_exe(std::string_view exe) {
    constexpr std::string_view deleted = " (deleted)";  // a program that has been upgraded
    if (exe.ends_with(deleted)) exe.remove_suffix(deleted.size());
    const std::string_view name = exe.substr(exe.rfind('/') + 1);
    if (name == "node" || name == "nodejs") return Runtime::node;
    if (name.starts_with("python3") || name.starts_with("pypy")) return Runtime::cpython;
    return Runtime::native;
}

Runtime runtime_of_maps(std::string_view maps) {
    if (maps_library(maps, "/libjvm.so")) return Runtime::jvm;
    if (maps_library(maps, "/libpython3") || maps_library(maps, "/libpypy")) {
        return Runtime::cpython;
    }
    if (maps_library(maps, "/libnode.so") || maps_library(maps, "/libuv.so")) return Runtime::node;
    return Runtime::native;
}

Runtime runtime_of(int directory, std::string_view exe) {
    if (const Runtime known = runtime_of_exe(exe); known != Runtime::native) return known;
    const sys::Fd program(::openat(directory, "exe", O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (program && has_go_mark(program.get())) return Runtime::go;
    try {
        return runtime_of_maps(sys::read_file(directory, "maps", longest_maps).value_or(""));
    } catch (const Error& error) {
        if (error.is_denial()) return Runtime::native;
        throw;
    }
}

}  // namespace unwait::proc
