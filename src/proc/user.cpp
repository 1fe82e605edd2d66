// SPDX-License-Identifier: MIT
#include "user.hpp"

#include <pwd.h>

#include <array>
#include <cstdio>
#include <memory>

namespace unwait::proc {
namespace {

using Buffer = std::array<char, 16384>;  // sysconf(_SC_GETPW_R_SIZE_MAX) is 1024; LDAP has more

#ifdef UNWAIT_STATIC
const passwd* find_user(uid_t uid, passwd& entry, Buffer& buffer) {
    const auto close = [](std::FILE* file) { std::fclose(file); };
    const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen("/etc/passwd", "re"), close);
    if (!file) return nullptr;
    passwd* found = nullptr;
    while (::fgetpwent_r(file.get(), &entry, buffer.data(), buffer.size(), &found) == 0) {
        if (found->pw_uid == uid) return found;
    }
    return nullptr;
}
#else
const passwd* find_user(uid_t uid, passwd& entry, Buffer& buffer) {
    passwd* found = nullptr;
    return ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 ? found : nullptr;
}
#endif

}  // namespace

std::string user_name(uid_t uid) {
    passwd entry{};
    Buffer buffer;
    const passwd* found = find_user(uid, entry, buffer);
    return found != nullptr && *found->pw_name != '\0' ? found->pw_name : std::to_string(uid);
}

}  // namespace unwait::proc
