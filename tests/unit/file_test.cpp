// SPDX-License-Identifier: MIT
#include "file.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <span>

namespace unwait::sys {

TEST_CASE("of a file in /proc as much is read as there is room for") {
    const std::string whole =
        read_file("/proc/" + std::to_string(::getpid()) + "/stat").value_or("");
    std::array<char, 4096> room{};
    const auto text = read_proc_file(::getpid(), "stat", room);
    CHECK(text.substr(0, text.find(')')) == whole.substr(0, whole.find(')')));
    CHECK(read_proc_file(::getpid(), "stat", std::span(room).first(5)) == whole.substr(0, 5));
    CHECK(read_proc_file(INT_MAX, "stat", room).empty());
    CHECK(read_proc_file(::getpid(), "no such file", room).empty());
}

}  // namespace unwait::sys
