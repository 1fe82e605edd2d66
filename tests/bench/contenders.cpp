// SPDX-License-Identifier: MIT
#include "contenders.hpp"

#include <unistd.h>

#include <cstdlib>
#include <sstream>

namespace unwait::bench {

Words unwait_list() { return {UNWAIT_TOOL, "list", "-J", "--min-idle", "0"}; }

Words unwait_list_by_proc() {
    Words words{"setpriv", "--bounding-set", "-bpf,-perfmon,-sys_admin", "--inh-caps", "-all"};
    const Words list = unwait_list();
    words.insert(words.end(), list.begin(), list.end());
    return words;
}

Words ss_list() { return {"ss", "-Htapn", "state", "close-wait"}; }

Words lsof_list() { return {"lsof", "-nP", "-iTCP", "-sTCP:CLOSE_WAIT"}; }

Words netstat_list() { return {"netstat", "-tnp"}; }

Words unwait_clear(pid_t pid, const Words& more) {
    Words words{UNWAIT_TOOL,     "clear", "--yes", "--quiet",
                "--min-idle",    "0",     "--pid", std::to_string(pid),
                "--max-sockets", "100000"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
}

Words unwait_close(pid_t pid, int fd) {
    return unwait_clear(pid, {"-J", "--fd", std::to_string(fd), "--actions", "close"});
}

Words gdb_close(pid_t pid, int fd) {
    return {"gdb",
            "-nx",
            "-p",
            std::to_string(pid),
            "-batch",
            "-ex",
            "print (int)close(" + std::to_string(fd) + ")"};
}

Words unwait_stacks(pid_t pid) {
    return {UNWAIT_TOOL,  "explain", "--stack", "-J",
            "--min-idle", "0",       "--pid",   std::to_string(pid)};
}

Words gdb_stacks(pid_t pid) {
    return {"gdb", "-nx", "-p", std::to_string(pid), "-batch", "-ex", "thread apply all bt"};
}

bool is_installed(const std::string& program) {
    const char* path = std::getenv("PATH");
    std::istringstream directories(path == nullptr ? "" : path);
    for (std::string directory; std::getline(directories, directory, ':');) {
        if (access((directory + "/" + program).c_str(), X_OK) == 0) return true;
    }
    return false;
}

}  // namespace unwait::bench
