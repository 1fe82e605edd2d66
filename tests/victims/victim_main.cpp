// SPDX-License-Identifier: MIT
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <span>

#include "scenarios.hpp"

namespace victim {
namespace {

/// Arguments that every scenario has: name=BYTES (the command name), nodump=1, uid=N; in main()
/// filtered=1, which gives the thread that answers a filter: others are then preferred to it.
void dress(const Arguments& arguments) {
    if (const std::string name = arguments.text("name", ""); !name.empty()) {
        must(prctl(PR_SET_NAME, name.c_str()), "prctl PR_SET_NAME");
    }
    if (const long uid = arguments.number("uid", 0); uid != 0) {
        const auto id = static_cast<uid_t>(uid);
        must(setresgid(id, id, id), "setresgid");
        must(setresuid(id, id, id), "setresuid");
        // Credentials changed: the kernel forgot both.
        must(prctl(PR_SET_DUMPABLE, 1), "prctl PR_SET_DUMPABLE");
        die_with(getppid());
    }
    if (arguments.number("nodump", 0) != 0) {
        must(prctl(PR_SET_DUMPABLE, 0), "prctl PR_SET_DUMPABLE");
    }
}

Scenario find_scenario(const char* name) {
    for (const auto table :
         {state_scenarios(), holder_scenarios(), thread_scenarios(), blocking_scenarios(),
          midway_scenarios(), signal_scenarios(), handler_scenarios(), job_scenarios(),
          sequence_scenarios(), reuse_scenarios(), register_scenarios(), guard_scenarios(),
          filter_scenarios(), meter_scenarios(), foreign_code_scenarios(), program_scenarios()}) {
        for (const NamedScenario& scenario : table) {
            if (std::strcmp(scenario.name, name) == 0) return scenario.play;
        }
    }
    errno = ENOENT;
    fail(std::string("scenario '") + name + "'");
}

}  // namespace
}  // namespace victim

int main(int argc, char** argv) {
    using namespace victim;
    if (argc < 2) {
        errno = EINVAL;
        fail("usage: victim SCENARIO [KEY=VALUE...]");
    }
    die_with(getppid());
    std::signal(SIGPIPE, SIG_IGN);
    const Arguments arguments(std::span(argv, static_cast<std::size_t>(argc)).subspan(2));
    // Outlives main's thread in a scenario that ends it.
    auto& stage = *new Stage;
    dress(arguments);
    find_scenario(argv[1])(stage, arguments);
    if (arguments.number("filtered", 0) != 0) allow_everything();
    stage.play();
}
