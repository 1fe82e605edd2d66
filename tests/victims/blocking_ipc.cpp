// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/syscall.h>

#include <cerrno>

#include "blocking_calls.hpp"

namespace victim {
namespace {

struct Message {
    long type = 1;
    std::array<char, 1024> text{};
};

int empty_queue() { return must(msgget(IPC_PRIVATE, 0600), "msgget"); }

int full_queue() {
    const int queue = empty_queue();
    const Message message;
    while (msgsnd(queue, &message, message.text.size(), IPC_NOWAIT) == 0) continue;
    if (errno != EAGAIN) fail("msgsnd");
    return queue;
}

void add_system_v(BlockingCalls& calls) {
    calls.add("msgrcv", SYS_msgrcv, empty_queue(), calls.keep(Message{}), 1024, 0, 0);
    calls.add("msgsnd", SYS_msgsnd, full_queue(), calls.keep(Message{}), 1024, 0);
    const auto taken = [] { return must(semget(IPC_PRIVATE, 1, 0600), "semget"); };
    calls.add("semop", SYS_semop, taken(), calls.keep(sembuf{0, -1, 0}), 1);
    calls.add("semtimedop", SYS_semtimedop, taken(), calls.keep(sembuf{0, -1, 0}), 1,
              calls.timeout());
}

void add_posix_queues(BlockingCalls& calls) {
    mq_attr shape{};
    shape.mq_maxmsg = 1;
    shape.mq_msgsize = 8;
    const auto queue = [&shape](const char* name) {
        return must(mq_open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600, &shape), "mq_open");
    };
    calls.add("mq_timedreceive", SYS_mq_timedreceive, queue("/empty"), calls.buffer(), 8, nullptr,
              nullptr);
    calls.add("mq_timedreceive_deadline", SYS_mq_timedreceive, queue("/quiet"), calls.buffer(), 8,
              nullptr, calls.deadline(CLOCK_REALTIME));
    const mqd_t full = queue("/full");
    must(mq_send(full, "x", 1, 0), "mq_send");
    calls.add("mq_timedsend", SYS_mq_timedsend, full, calls.buffer(), 1, 0, nullptr);
    calls.add("mq_timedsend_deadline", SYS_mq_timedsend, full, calls.buffer(), 1, 0,
              calls.deadline(CLOCK_REALTIME));
}

void add_completions(BlockingCalls& calls) {
    aio_context_t context = 0;
    must(syscall(SYS_io_setup, 1, &context), "io_setup");
    calls.add("io_getevents", SYS_io_getevents, context, 1, 1, calls.buffer(), nullptr);
    calls.add("io_getevents_timeout", SYS_io_getevents, context, 1, 1, calls.buffer(),
              calls.timeout());
    calls.add("io_pgetevents", SYS_io_pgetevents, context, 1, 1, calls.buffer(), nullptr, nullptr);
    io_uring_params shape{};
    const auto ring = static_cast<int>(syscall(SYS_io_uring_setup, 4, &shape));
    calls.add("io_uring_enter", SYS_io_uring_enter, must(ring, "io_uring_setup"), 0, 1,
              IORING_ENTER_GETEVENTS, nullptr, 0);
}

}  // namespace

void add_ipc_calls(BlockingCalls& calls) {
    add_system_v(calls);
    add_posix_queues(calls);
    add_completions(calls);
}

}  // namespace victim
