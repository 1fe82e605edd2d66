// SPDX-License-Identifier: MIT
#include "target.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>

#include <cerrno>
#include <ctime>
#include <system_error>

#include "command.hpp"
#include "fd.hpp"
#include "file.hpp"
#include "proc_text.hpp"
#include "text_scan.hpp"

namespace unwait::bench {
namespace {

victim::Meter* map_meter(const test::Victim& victim) {
    const std::string path =
        "/proc/" + std::to_string(victim.pid()) + "/fd/" + victim.fact("meter_fd");
    const sys::Fd file(open(path.c_str(), O_RDWR | O_CLOEXEC));
    void* memory =
        mmap(nullptr, sizeof(victim::Meter), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (memory == MAP_FAILED) throw std::system_error(errno, std::system_category(), path);
    return static_cast<victim::Meter*>(memory);
}

}  // namespace

Target::Target(long sockets, long sleeping_threads)
    : victim_({"metered", "count=" + std::to_string(sockets),
               "threads=" + std::to_string(sleeping_threads)},
              std::chrono::seconds(60)),
      meter_(map_meter(victim_)) {}

Target::~Target() {
    munmap(meter_, sizeof *meter_);
    kill(victim_.pid(), SIGKILL);
    victim_.end();
    // What the clients leave in TIME-WAIT, tens of thousands in the end, would make the kernel's
    // list of sockets longer for all who come next.
    static_cast<void>(run({"ss", "-K", "state", "time-wait", "dport = :" + victim_.fact("port")}));
}

void Target::spin() {
    victim_.tell("spin");
    // Well past what its start costs: the first look, page faults, the scheduler's choice.
    await_looks(100);
    reset_meter();
}

void Target::reset_meter() noexcept {
    meter_->longest_ns = 0;
    meter_->long_gaps_ns = 0;
}

void Target::await_looks(std::uint64_t count) const {
    const std::uint64_t wanted = meter_->looks + count;
    while (meter_->looks < wanted && victim_.alive()) {
        const timespec pause{0, 100'000};
        nanosleep(&pause, nullptr);
    }
}

double Target::longest_gap_ns() const {
    await_looks(2);
    return static_cast<double>(meter_->longest_ns);
}

double Target::long_gaps_ns() const {
    await_looks(2);
    return static_cast<double>(meter_->long_gaps_ns);
}

std::size_t Target::stops() const {
    const std::string path = "/proc/" + std::to_string(victim_.pid()) + "/status";
    const std::string status = sys::text_or_empty(AT_FDCWD, path);
    const auto told = sys::status_field(status, "voluntary_ctxt_switches");
    return sys::to_number<std::size_t>(told.value_or("")).value();
}

double Target::close_all_ns() { return static_cast<double>(victim_.ask_number("close-all")); }

double longest_pause_ns(long sleeping_threads, const std::function<void(Target&)>& act) {
    Target target(1, sleeping_threads);
    target.spin();
    act(target);
    return target.longest_gap_ns();
}

}  // namespace unwait::bench
