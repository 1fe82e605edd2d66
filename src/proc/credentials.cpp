// SPDX-License-Identifier: MIT
#include "credentials.hpp"

#include <elf.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "fd.hpp"
#include "file.hpp"
#include "proc_text.hpp"
#include "text_scan.hpp"

namespace unwait::proc {
namespace {

template <std::integral Number>
Number number_in(std::string_view status, std::string_view name, int base = 10) {
    const auto field = sys::status_field(status, name);
    return field ? sys::to_number<Number>(*field, base).value_or(0) : 0;
}

}  // namespace

Credentials parse_credentials(std::string_view status) {
    Credentials credentials;
    credentials.process = number_in<pid_t>(status, "Tgid");
    credentials.effective = number_in<std::uint64_t>(status, "CapEff", 16);
    credentials.permitted = number_in<std::uint64_t>(status, "CapPrm", 16);
    const int mode = number_in<int>(status, "Seccomp");
    if (mode == SECCOMP_MODE_STRICT) credentials.filters = -1;
    if (mode == SECCOMP_MODE_FILTER) {
        credentials.filters = std::max(1, number_in<int>(status, "Seccomp_filters"));
    }
    return credentials;
}

std::optional<Credentials> read_credentials(const std::string& pid) {
    const auto status = sys::read_file("/proc/" + pid + "/status");
    return status ? std::optional(parse_credentials(*status)) : std::nullopt;
}

std::optional<bool> is_dumpable(pid_t pid, uid_t uid) {
    struct stat status {};
    const std::string path = "/proc/" + std::to_string(pid) + "/status";
    if (uid == 0 || ::stat(path.c_str(), &status) != 0) return std::nullopt;
    return status.st_uid == uid;
}

std::string architecture_of(pid_t pid) {
    const std::string path = "/proc/" + std::to_string(pid) + "/exe";
    const sys::Fd program(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    Elf32_Ehdr header{};  // up to the machine both classes agree
    if (!program || ::pread(program.get(), &header, sizeof header, 0) != sizeof header ||
        std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
        return {};
    }
    switch (header.e_machine) {
        case EM_X86_64:
            return header.e_ident[EI_CLASS] == ELFCLASS64 ? "x86-64" : "x32";
        case EM_386:
            return "i386";
        case EM_AARCH64:
            return "aarch64";
        case EM_ARM:
            return "arm";
        default:
            return "ELF machine " + std::to_string(header.e_machine);
    }
}

}  // namespace unwait::proc
