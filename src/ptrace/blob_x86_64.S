# SPDX-License-Identifier: MIT
#
# Code that a stopped thread runs on our behalf: it closes (or replaces) the fds of a table and then
# goes on where the thread was, with every register and flag as it was. It needs no stack, no
# writable memory and nobody who watches it. See amd64_blob.cpp for the layout that must agree with
# it.
#
# Where the files carry a mark (arch.hpp) every number is asked for the owner of its file just before
# it is closed: who holds everybody else may be killed meanwhile. The first one that answers otherwise,
# or cannot be replaced, ends it all; then the thread waits for somebody who sees how far it got.
# Entries of a closing blob are numbers, or the first and the last one of ranges, for close(2) or
# close_range(2).
#
# Two entries: the kernel subtracts 2 from the instruction pointer when it restarts an interrupted
# system call, so a thread that was pointed at `plain` arrives at `restart` if, and only if, its
# call is to be restarted, with rax already set for that. Only instructions that leave RFLAGS alone
# are used.

        .macro  blob name, replaces
        .balign 16
        .globl  unwait_blob_\name, unwait_blob_\name\()_end, unwait_after_cut_\name
        .globl  unwait_begin_\name, unwait_next_\name, unwait_over_\name, unwait_leaving_\name
        .if \replaces
        .globl  unwait_after_socket_\name, unwait_after_shutdown_\name, unwait_after_last_\name
        .endif
unwait_blob_\name:
        jmp     1f                              # restart: two bytes
        mov     $0, %r12d                       # plain
        jmp     2f
1:      mov     $1, %r12d
2:      mov     %rax, %rbx                      # what the kernel put there belongs to the thread
        .if \replaces
        mov     adopted_\name(%rip), %rcx      # a placeholder that an interrupted run has left, plus 1
        jrcxz   6f
        lea     -1(%rcx), %r14
        jmp     7f
6:      mov     $41, %eax                       # socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)
        mov     $2, %edi
        mov     $0x80001, %esi
        mov     $0, %edx
        syscall
unwait_after_socket_\name:
        mov     %rax, %r14                      # on failure an error number: dup3 then fails too
        mov     %r14, %rdi
        mov     $48, %eax                       # shutdown(it, SHUT_RDWR): reads as end of file
        mov     $2, %esi
        syscall
unwait_after_shutdown_\name:
7:
        .else
        mov     entry_\name(%rip), %r14
        .endif
        mov     count_\name(%rip), %r13
        lea     unwait_table_\name(%rip), %rbp
unwait_begin_\name:
3:      mov     %r13, %rcx
        jrcxz   4f
        mov     (%rbp), %edi
        mov     unmark_\name(%rip), %rcx
        jrcxz   9f
1:      mov     $9, %esi                        # F_GETOWN
        mov     $72, %eax                       # fcntl(fd, F_GETOWN)
        syscall
        mov     unmark_\name(%rip), %rcx
        lea     (%rax, %rcx), %rcx
        jrcxz   2f
        jmp     4f
2:
        .if !\replaces
        mov     -4(%rbp, %r14), %ecx            # the last of the range; the same where it is none
        not     %rcx
        lea     1(%rdi, %rcx), %rcx             # how far behind the last one
        jrcxz   9f
        lea     1(%rdi), %edi
        jmp     1b
        .endif
9:
        .if \replaces
        mov     %r14, %rdi
        mov     (%rbp), %esi
        mov     4(%rbp), %edx
        mov     $292, %eax                      # dup3(it, fd, O_CLOEXEC or 0)
        .else
        mov     -4(%rbp, %r14), %esi            # in this order: see abandon_blob()
        mov     (%rbp), %edi
        mov     $0, %edx
        mov     call_\name(%rip), %eax          # close(fd), or close_range(first, last, 0)
        .endif
        syscall
unwait_after_cut_\name:
        .if \replaces
        not     %rax
        lea     1(%rsi, %rax), %rcx             # dup3 answers with the number
        jrcxz   2f
        jmp     4f
2:
        .endif
unwait_next_\name:
        .if \replaces
        lea     8(%rbp), %rbp                   # r14 is the placeholder
        .else
        lea     (%rbp, %r14), %rbp
        .endif
        lea     -1(%r13), %r13
        jmp     3b
4:
        .if \replaces
        mov     %r14, %rdi
        mov     $3, %eax
        syscall
unwait_after_last_\name:
        .endif
unwait_over_\name:
        mov     %r13, %rcx                      # waiting for the surgeon, but not for ever
        jrcxz   1f
        mov     early_rounds_\name(%rip), %rcx
        jmp     5f
1:      mov     rounds_\name(%rip), %rcx
5:      jrcxz   6f
        lea     -1(%rcx), %rcx
        jmp     5b
unwait_leaving_\name:
6:      mov     %rbx, %rax
        mov     rbx_\name(%rip), %rbx
        mov     rdi_\name(%rip), %rdi
        mov     rsi_\name(%rip), %rsi
        mov     rdx_\name(%rip), %rdx
        mov     rbp_\name(%rip), %rbp
        mov     r11_\name(%rip), %r11
        mov     r13_\name(%rip), %r13
        mov     r14_\name(%rip), %r14
        mov     %r12, %rcx
        mov     r12_\name(%rip), %r12
        jrcxz   5f
        mov     rcx_\name(%rip), %rcx
        jmp     *again_\name(%rip)
5:      mov     rcx_\name(%rip), %rcx
        jmp     *resume_\name(%rip)
        .balign 8
resume_\name: .quad 0                           # the thread's instruction pointer
again_\name:  .quad 0                           # the same less 2
count_\name:  .quad 0                           # entries in the table
entry_\name:  .quad 0                           # bytes of each
call_\name:   .quad 0
adopted_\name: .quad 0
unmark_\name: .quad 0                           # the mark's negative; 0: the files carry none
rounds_\name: .quad 0
early_rounds_\name: .quad 0
rbx_\name:    .quad 0
rdi_\name:    .quad 0
rsi_\name:    .quad 0
rdx_\name:    .quad 0
rbp_\name:    .quad 0
rcx_\name:    .quad 0
r11_\name:    .quad 0
r12_\name:    .quad 0
r13_\name:    .quad 0
r14_\name:    .quad 0
unwait_blob_\name\()_end:
unwait_table_\name:                             # {u32 fd[, u32 dup3 flags or last fd]} follow
        .endm

        .section .rodata
        blob    close, 0
        .skip   8
        blob    replace, 1
        .skip   8
        .section .note.GNU-stack, "", @progbits
