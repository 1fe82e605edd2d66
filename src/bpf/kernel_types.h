/* SPDX-License-Identifier: MIT */
#pragma once

/* What bpf_helpers.h needs, and how a structure of the kernel is named: only what is read of it is
 * there; the loader looks the offsets up in the BTF of the running kernel. */

typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

/* Of linux/bpf.h, which may not be there for this target. */
enum { BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_ARRAY = 2 };
enum { BPF_NOEXIST = 1, BPF_F_MMAPABLE = 1 << 10 };

#define FROM_KERNEL __attribute__((preserve_access_index))
