// SPDX-License-Identifier: MIT
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "code_map.hpp"

using namespace unwait;

namespace {

/// What it says of an address is about that address, and was told.
void check_address(const ptrace::CodeMap& map, std::uintptr_t address, std::string_view text) {
    const auto told = [text](std::string_view name) {
        return text.find(name) != std::string_view::npos;
    };
    assert(told(map.object_at(address)));
    assert(map.object_at(address).empty() || map.is_code(address));
    const auto generated = map.generated_at(address);
    if (!generated) return;
    assert(generated->begin <= address);
    assert(!generated->function.empty() && told(generated->function));
    assert(generated->function.find('\n') == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    ptrace::CodeMap map;
    map.take_maps(text);
    map.take_perf_map(text);
    for (const std::uintptr_t address : {std::uintptr_t{0}, std::uintptr_t{0x556f0c1a5000},
                                         std::uintptr_t{0x7f2b1c000090}, ~std::uintptr_t{0}}) {
        check_address(map, address, text);
    }
    std::uintptr_t any = 0;
    if (size >= sizeof any) std::memcpy(&any, data, sizeof any);
    check_address(map, any, text);
    return 0;
}
