// SPDX-License-Identifier: MIT
#include "sha256.hpp"

#include <doctest/doctest.h>

namespace unwait {
namespace {

std::string digest(std::string_view text, std::size_t pieces = 1) {
    Sha256 sha;
    const std::size_t length = text.size() / pieces;
    for (std::size_t piece = 0; piece + 1 < pieces; ++piece) {
        sha.add(text.substr(piece * length, length));
    }
    sha.add(text.substr((pieces - 1) * length));
    return sha.finish();
}

}  // namespace

TEST_CASE("the examples of FIPS 180-4") {
    CHECK(digest("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK(digest(std::string(1'000'000, 'a')) ==
          "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("pieces make no difference, at every length around a block") {
    for (std::size_t length = 50; length < 140; ++length) {
        const std::string text(length, 'x');
        CHECK(digest(text) == digest(text, 3));
        CHECK(digest(text) == digest(text, length));
    }
}

}  // namespace unwait
