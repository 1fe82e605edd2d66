// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <utility>

namespace unwait {

/// A text that very many values may have in common: never changed, and copied like a pointer.
class SharedText {
public:
    SharedText() = default;
    SharedText(std::string text)  // NOLINT: it is a text
        : text_(text.empty() ? nullptr : std::make_shared<const std::string>(std::move(text))) {}
    SharedText(const char* text) : SharedText(std::string(text)) {}  // NOLINT: it is a text

    [[nodiscard]] const std::string& str() const noexcept {
        static const std::string none;
        return text_ ? *text_ : none;
    }
    [[nodiscard]] bool empty() const noexcept { return str().empty(); }
    operator const std::string&() const noexcept { return str(); }  // NOLINT: it is a text

    bool operator==(const SharedText& other) const noexcept { return str() == other.str(); }
    bool operator==(const char* other) const noexcept { return str() == other; }
    bool operator==(const std::string& other) const noexcept { return str() == other; }

private:
    std::shared_ptr<const std::string> text_;
};

}  // namespace unwait
