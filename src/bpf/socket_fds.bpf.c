/* SPDX-License-Identifier: MIT */
/* Walks all fds of all fd tables (BPF iterator task_file) and writes those that lead to a wanted
 * socket. */

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "socket_fd.h"

struct inode {
    unsigned long i_ino;
} FROM_KERNEL;

struct file {
    struct inode *f_inode;
} FROM_KERNEL;

struct task_struct {
    int pid;
    int tgid;
    void *files;
} FROM_KERNEL;

/* The context of the iterator, whose layout is a promise of the kernel. */
struct bpf_iter_meta {
    struct seq_file *seq;
};

struct bpf_iter__task_file {
    struct bpf_iter_meta *meta;
    struct task_struct *task;
    __u32 fd;
    __u32 padding;
    struct file *file;
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

char terms[] SEC("license") = "Dual MIT/GPL";

SEC("iter/task_file")
int socket_fds(struct bpf_iter__task_file *context) {
    struct task_struct *task = context->task;
    struct file *file = context->file;
    if (!task || !file) return 0;

    /* This looks at the file alone; the inodes of all the others stay out of the cache. */
    if (!bpf_sock_from_file(file)) return 0;
    const __u32 only = 0;
    const struct unwait_wanted *map = bpf_map_lookup_elem(&wanted, &only);
    if (!map) return 0;
    __u64 inode = file->f_inode->i_ino;
    __u32 bit = inode & (UNWAIT_WANTED_BITS - 1);
    if (!(map->bits[bit / 8] & 1 << bit % 8)) return 0;

    struct unwait_socket_fd found = {
        .inode = inode,
        .table = (__u64)task->files,
        .pid = task->tgid,
        .tid = task->pid,
        .fd = context->fd,
    };
    /* Where the buffer is full, the kernel calls again for this fd with an empty one. */
    bpf_seq_write(context->meta->seq, &found, sizeof(found));
    return 0;
}
