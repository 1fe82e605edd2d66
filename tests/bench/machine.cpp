// SPDX-License-Identifier: MIT
#include "machine.hpp"

#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <array>
#include <cstdlib>
#include <fstream>

namespace unwait::bench {
namespace {

std::string processor() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
    }
    return "unknown processor";
}

bool is_virtual() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("flags")) return line.find(" hypervisor") != std::string::npos;
    }
    return false;
}

}  // namespace

std::string describe_machine() {
    utsname system{};
    uname(&system);
    struct sysinfo info {};
    sysinfo(&info);
    std::array<double, 3> load{};
    getloadavg(load.data(), 3);
    const auto gib = (static_cast<double>(info.totalram) * info.mem_unit) / (1 << 30);
    return processor() + (is_virtual() ? " (virtual machine), " : ", ") +
           std::to_string(get_nprocs()) + " processors, " +
           std::to_string(static_cast<int>(gib + 0.5)) + " GiB, Linux " + system.release + " " +
           system.machine + ", load " + std::to_string(load[0]).substr(0, 4);
}

}  // namespace unwait::bench
