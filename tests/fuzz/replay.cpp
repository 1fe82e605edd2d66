// SPDX-License-Identifier: MIT
// Runs a fuzz target without a fuzzer: on each file given, or each file of a directory given, and
// on mutations of it that are the same in every run.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t thorough_size = 4096;  // beyond it not every byte and length is tried
constexpr int random_rounds = 2000;

/// In a block of exactly this size, so that a sanitizer sees the first byte read beyond it.
void run(const Bytes& input) {
    const auto exact = std::make_unique<std::uint8_t[]>(input.size());
    std::copy(input.begin(), input.end(), exact.get());
    LLVMFuzzerTestOneInput(exact.get(), input.size());
}

void run_truncated(const Bytes& seed, std::size_t step) {
    for (std::size_t size = 0; size < seed.size(); size += step) {
        run(Bytes(seed.begin(), seed.begin() + static_cast<std::ptrdiff_t>(size)));
    }
}

void run_altered(const Bytes& seed, std::size_t step) {
    Bytes input = seed;
    for (std::size_t at = 0; at < seed.size(); at += step) {
        for (const unsigned value : {0U, 1U, 0x7fU, 0x80U, 0xffU, seed[at] + 1U, seed[at] - 1U}) {
            input[at] = static_cast<std::uint8_t>(value);
            run(input);
        }
        input[at] = seed[at];
    }
}

/// Several bytes replaced, removed, inserted or repeated at once.
void run_random(const Bytes& seed) {
    std::mt19937 random(static_cast<std::uint32_t>(seed.size()));
    const auto below = [&random](std::size_t limit) {
        return static_cast<std::ptrdiff_t>(random() % limit);
    };
    for (int round = 0; round < random_rounds; ++round) {
        Bytes input = seed;
        for (auto edits = 1 + below(8); edits > 0; --edits) {
            const auto at = below(input.size() + 1);
            const auto end = at + below(input.size() - static_cast<std::size_t>(at) + 1);
            switch (below(4)) {
                case 0:
                    for (auto i = at; i < end; ++i) input[static_cast<std::size_t>(i)] ^= 1U;
                    break;
                case 1:
                    input.erase(input.begin() + at, input.begin() + std::min(end, at + 16));
                    break;
                case 2:
                    input.insert(input.begin() + at, static_cast<std::uint8_t>(random()));
                    break;
                default:
                    const Bytes part(input.begin() + at, input.begin() + std::min(end, at + 64));
                    input.insert(input.begin() + end, part.begin(), part.end());
            }
        }
        run(input);
    }
}

bool run_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    const Bytes seed{std::istreambuf_iterator<char>(file), {}};
    if (!file.good() && !file.eof()) {
        std::fprintf(stderr, "cannot read %s\n", path.c_str());
        return false;
    }
    const std::size_t step = 1 + seed.size() / thorough_size;
    run(seed);
    run_truncated(seed, step);
    run_altered(seed, step);
    run_random(seed);
    return true;
}

std::vector<std::filesystem::path> files_of(const std::filesystem::path& path) {
    if (!std::filesystem::is_directory(path)) return {path};
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
        if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::ranges::sort(files);
    return files;
}

}  // namespace

int main(int argc, char** argv) {
    std::size_t count = 0;
    for (int i = 1; i < argc; ++i) {
        for (const auto& file : files_of(argv[i])) {
            if (!run_file(file)) return 1;
            ++count;
        }
    }
    std::printf("%zu files and their mutations\n", count);
    return count > 0 ? 0 : 1;  // an empty corpus proves nothing
}
