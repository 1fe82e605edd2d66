/* SPDX-License-Identifier: MIT */
/* Walks the fd tables of all tasks (BPF iterator task) and writes down the fds that lead to a wanted
 * inode. No lock is taken, and no file held: what is read may change meanwhile, and is taken for true
 * where all that led to it is still the same afterwards. */

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "socket_fd.h"

struct inode {
    __u16 i_mode;
    void *i_sb;
    unsigned long i_ino;
} FROM_KERNEL;

struct file {
    struct inode *f_inode;
} FROM_KERNEL;

struct fdtable {
    unsigned int max_fds;
    struct file **fd;
} FROM_KERNEL;

struct files_struct {
    struct fdtable *fdt;
} FROM_KERNEL;

struct task_struct {
    int pid;
    int tgid;
    struct task_struct *group_leader;
    struct files_struct *files;
} FROM_KERNEL;

/* The context of the iterator, whose layout is a promise of the kernel. */
struct bpf_iter__task {
    void *meta;
    struct task_struct *task;
};

struct unwait_wanted {
    __u8 bits[UNWAIT_WANTED_BYTES];
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct unwait_wanted);
} wanted SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct unwait_walk);
} walk SEC(".maps");

/* By thread: which of the walkers it is, from 0. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, UNWAIT_MOST_WALKERS);
    __type(key, __u32);
    __type(value, __u32);
} walkers SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1); /* the loader says how many */
    __type(key, __u32);
    __type(value, struct unwait_socket_fd);
} found SEC(".maps");

char terms[] SEC("license") = "Dual MIT/GPL";

/* The table of a task, and how one came to it. */
struct table {
    struct files_struct **of_task;
    struct files_struct *files;
    struct fdtable *fds;
    struct file **slots;
    const struct unwait_wanted *wanted;
    struct unwait_walk *walk;
    __u32 walker;
    int pid;
    int tid;
};

/* Kernels allocate tables in multiples of 64. */
#define SLOTS_AT_A_TIME 16

/* The verifier looks up the name of each type that a pointer is followed to without such a call, in
 * the list of all types: that takes longer than the walk. */
static void *pointer_at(const void *address) {
    void *pointer = 0;
    bpf_probe_read_kernel(&pointer, sizeof pointer, address);
    return pointer;
}

static int number_at(const void *address) {
    int number = 0;
    bpf_probe_read_kernel(&number, sizeof number, address);
    return number;
}

static int is_current(const struct table *table) {
    return pointer_at(&table->files->fdt) == table->fds &&
           pointer_at(table->of_task) == table->files;
}

/* inode(7) */
static int is_socket(const struct inode *inode) {
    __u16 mode = 0;
    bpf_probe_read_kernel(&mode, sizeof mode, &inode->i_mode);
    return (mode & 0170000) == 0140000;
}

static long look_at_some(__u32 block, struct table *table) {
    struct file *files[SLOTS_AT_A_TIME];
    const __u32 first = table->walk->first +
                        (block * table->walk->walkers + table->walker) * SLOTS_AT_A_TIME;
    if (bpf_probe_read_kernel(files, sizeof files, table->slots + first) != 0 ||
        !is_current(table)) {
        table->walk->torn = 1;
        return 1;
    }
    for (__u32 at = 0; at < SLOTS_AT_A_TIME; ++at) {
        if (!files[at]) continue;
        const struct inode *inode = pointer_at(&files[at]->f_inode);
        const __u64 number = (__u64)pointer_at(&inode->i_ino);
        const __u32 bit = number & (UNWAIT_WANTED_BITS - 1);
        if (!(table->wanted->bits[bit / 8] & 1 << bit % 8) || !is_socket(inode)) continue;
        const __u64 filesystem = (__u64)pointer_at(&inode->i_sb);
        /* Also the barrier between what is read above and whether it was still true afterwards. */
        const __u32 place = __sync_fetch_and_add(&table->walk->found, 1);
        if (pointer_at(table->slots + first + at) != files[at] || !is_current(table)) {
            table->walk->torn = 1;
            return 1;
        }
        struct unwait_socket_fd *into = bpf_map_lookup_elem(&found, &place);
        if (!into) continue;
        into->inode = number;
        into->filesystem = filesystem;
        into->table = (__u64)table->files;
        into->pid = table->pid;
        into->tid = table->tid;
        into->fd = first + at;
    }
    return 0;
}

SEC("iter/task")
int socket_fds(struct bpf_iter__task *context) {
    struct task_struct *task = context->task;
    if (!task) return 0;
    struct files_struct *files = pointer_at(&task->files);
    if (!files) return 0;
    const int pid = number_at(&task->tgid);
    const int tid = number_at(&task->pid);
    struct task_struct *leader = pointer_at(&task->group_leader);
    if (pid != tid && pointer_at(&leader->files) == files) return 0;

    const __u32 only = 0;
    const __u32 thread = bpf_get_current_pid_tgid();
    const struct unwait_wanted *map = bpf_map_lookup_elem(&wanted, &only);
    struct unwait_walk *state = bpf_map_lookup_elem(&walk, &only);
    const __u32 *walker = bpf_map_lookup_elem(&walkers, &thread);
    if (!map || !state || !walker) return 0;
    struct fdtable *fds = pointer_at(&files->fdt);
    struct table table = {
        .of_task = &task->files,
        .files = files,
        .fds = fds,
        .slots = pointer_at(&fds->fd),
        .wanted = map,
        .walk = state,
        .walker = *walker,
        .pid = pid,
        .tid = tid,
    };
    const __u32 size = number_at(&fds->max_fds);
    if (size <= state->first) return 0;
    __u32 left = size - state->first;
    if (left > UNWAIT_FDS_OF_A_WALK) {
        left = UNWAIT_FDS_OF_A_WALK;
        state->longer = 1;
    }
    /* Every so many-th block, from that one on. */
    const __u32 others = state->walkers - 1 - table.walker;
    bpf_loop((left / SLOTS_AT_A_TIME + others) / state->walkers, look_at_some, &table, 0);
    return 0;
}
