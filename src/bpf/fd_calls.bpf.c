/* SPDX-License-Identifier: MIT */
/* Counts the system calls that have a wanted number among their arguments, whatever those mean
 * (tracepoint sys_enter with types). */

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "fd_call.h"

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
    unsigned long di;
    unsigned long si;
    unsigned long dx;
} FROM_KERNEL;
#define ARGUMENTS(regs) {(int)(regs)->di, (int)(regs)->si, (int)(regs)->dx}
#else
struct pt_regs {
    __u64 regs[31];
} FROM_KERNEL;
#define ARGUMENTS(from) {(int)(from)->regs[0], (int)(from)->regs[1], (int)(from)->regs[2]}
#endif

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, UNWAIT_MOST_FDS);
    __type(key, struct unwait_traced_fd);
    __type(value, __u8);
} wanted SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, UNWAIT_MOST_FDS);
    __type(key, struct unwait_fd_call);
    __type(value, __u64);
} counts SEC(".maps");

char terms[] SEC("license") = "Dual MIT/GPL";

static void count(const struct unwait_fd_call *call) {
    const __u64 none = 0;
    __u64 *known = bpf_map_lookup_elem(&counts, call);
    if (!known) {
        bpf_map_update_elem(&counts, call, &none, BPF_NOEXIST);
        known = bpf_map_lookup_elem(&counts, call);
    }
    if (known) __sync_fetch_and_add(known, 1);
}

/* The context: struct pt_regs *, number of the call. */
SEC("tp_btf/sys_enter")
int fd_calls(unsigned long long *context) {
    const int pid = bpf_get_current_pid_tgid() >> 32;
    struct unwait_traced_fd key = {.pid = pid, .fd = -1};
    if (!bpf_map_lookup_elem(&wanted, &key)) return 0;
    const struct pt_regs *regs = (const void *)context[0];
    const int arguments[UNWAIT_FD_ARGUMENTS] = ARGUMENTS(regs);
#pragma unroll
    for (int at = 0; at < UNWAIT_FD_ARGUMENTS; ++at) {
        key.fd = arguments[at];
        if (key.fd < 0 || !bpf_map_lookup_elem(&wanted, &key)) continue;
        const struct unwait_fd_call call = {
            .pid = pid, .fd = key.fd, .number = (int)context[1], .argument = at};
        count(&call);
    }
    return 0;
}
