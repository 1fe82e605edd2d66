// SPDX-License-Identifier: MIT
#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks.hpp"
#include "contenders.hpp"
#include "machine.hpp"

namespace unwait::bench {
namespace {

struct Entry {
    std::string_view name;
    Section (*run)(int rounds);
};

constexpr int sleeping_threads = 1000;

constexpr std::array benchmarks{
    Entry{"find", find},
    Entry{"growth", growth},
    Entry{"one", [](int rounds) { return clear_one(rounds, 0); }},
    Entry{"many", clear_many},
    Entry{"threads", [](int rounds) { return clear_one(rounds, sleeping_threads); }},
    Entry{"stack", take_stack},
    Entry{"memory", memory},
};

struct Wishes {
    int rounds = 7;
    std::string json;  ///< a file, or empty
    std::vector<std::string_view> names;
};

bool is_known(std::string_view name) {
    for (const Entry& entry : benchmarks) {
        if (entry.name == name) return true;
    }
    return false;
}

[[noreturn]] void explain() {
    std::fputs(
        "usage: unwait-bench [--rounds N] [--json FILE] "
        "[find|growth|one|many|threads|stack|memory]...\n",
        stderr);
    std::exit(64);
}

Wishes parse(const std::vector<std::string_view>& words) {
    Wishes wishes;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const bool has_value = i + 1 < words.size();
        if (words[i] == "--rounds" && has_value) {
            wishes.rounds = std::atoi(words[++i].data());
            if (wishes.rounds < 1) explain();
        } else if (words[i] == "--json" && has_value) {
            wishes.json = words[++i];
        } else if (is_known(words[i])) {
            wishes.names.push_back(words[i]);
        } else {
            explain();
        }
    }
    return wishes;
}

bool is_wanted(const Wishes& wishes, std::string_view name) {
    if (wishes.names.empty()) return true;
    for (const std::string_view wanted : wishes.names) {
        if (wanted == name) return true;
    }
    return false;
}

void require_peers() {
    for (const char* peer : {"gdb", "ss", "lsof", "netstat", "setpriv"}) {
        if (is_installed(peer)) continue;
        std::fprintf(stderr, "unwait-bench: %s is not installed\n", peer);
        std::exit(1);
    }
}

void run_all(const Wishes& wishes) {
    const std::string machine = describe_machine();
    std::printf("%s\nmedians of %d runs; contenders take turns\n", machine.c_str(), wishes.rounds);
    std::vector<Section> sections;
    for (const Entry& entry : benchmarks) {
        if (!is_wanted(wishes, entry.name)) continue;
        sections.push_back(entry.run(wishes.rounds));
        print(sections.back());
    }
    if (!wishes.json.empty()) write_json(wishes.json, machine, sections);
}

}  // namespace
}  // namespace unwait::bench

int main(int argc, char** argv) {
    using namespace unwait::bench;
    const Wishes wishes = parse({argv + 1, argv + argc});
    require_peers();
    try {
        run_all(wishes);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "unwait-bench: %s\n", error.what());
        return 1;
    }
}
