# SPDX-License-Identifier: MIT
#
# The same for a thread that runs 32-bit code: see blob_x86_64.S for what it does and why it has two
# entries. INT 0x80 leaves every register but eax alone, and is two bytes long as SYSCALL is; a call
# by SYSENTER returns behind an INT 0x80 of the vdso, by which it is repeated.
#
# Without a stack nothing here can be addressed relative to eip, so i386.cpp writes values into the
# instructions themselves: `patches` lists where, in the order of its struct Values.

        .macro  blob name, replaces
        .code32
        .balign 16
        .globl  unwait_blob_i386_\name, unwait_blob_i386_\name\()_end
        .globl  unwait_patches_i386_\name, unwait_after_cut_i386_\name, unwait_over_i386_\name
        .globl  unwait_begin_i386_\name, unwait_next_i386_\name, unwait_leaving_i386_\name
        .if \replaces
        .globl  unwait_after_socket_i386, unwait_after_shutdown_i386, unwait_after_last_i386
        .globl  unwait_proven_i386
        .endif
unwait_blob_i386_\name:
        jmp     1f                              # restart: two bytes
        mov     $0, %edi                        # plain
        jmp     2f
1:      mov     $1, %edi
2:      mov     %eax, %esi                      # what the kernel put there belongs to the thread
        .if \replaces
        mov     $0x11111111, %ecx               # a placeholder of an interrupted run, plus 1
adopted_\name:
        jecxz   6f
        lea     -1(%ecx), %ebx
        jmp     7f
6:      mov     $359, %eax                      # socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)
        mov     $2, %ebx
        mov     $0x80001, %ecx
        mov     $0, %edx
        int     $0x80
unwait_after_socket_i386:
        mov     %eax, %ebx                      # on failure an error number: dup3 then fails too
        mov     $373, %eax                      # shutdown(it, SHUT_RDWR): reads as end of file
        mov     $2, %ecx
        int     $0x80
unwait_after_shutdown_i386:
7:      mov     %ebx, %edx
        .endif
        mov     $0x11111111, %ebp
table_\name:
unwait_begin_i386_\name:                       # edx is the placeholder
3:      mov     (%ebp), %ecx                    # fd + 1, so that 0 ends the table
        jecxz   4f
        lea     -1(%ecx), %ebx
        mov     $0x11111111, %ecx               # the mark's negative; 0: the files carry none
unmark_\name:
        jecxz   1f
        mov     $55, %eax                       # fcntl(fd, F_GETOWN)
        mov     $9, %ecx
        int     $0x80
        lea     0x11111111(%eax), %ecx
unmark_again_\name:
        jecxz   1f
        .if \replaces
        mov     %edx, %ebx
        .endif
        jmp     4f
1:
        .if \replaces
        mov     %ebx, %ecx
        mov     %edx, %ebx
unwait_proven_i386:                             # ebx is
        mov     4(%ebp), %edx
        mov     $330, %eax                      # dup3(it, fd, O_CLOEXEC or 0)
        .else
        mov     $6, %eax                        # close(fd)
        .endif
        int     $0x80
unwait_after_cut_i386_\name:
        .if \replaces
        not     %eax
        lea     1(%ecx, %eax), %ecx             # dup3 answers with the number
        jecxz   1f
        jmp     4f
1:      mov     %ebx, %edx
        .endif
unwait_next_i386_\name:
        .if \replaces
        lea     8(%ebp), %ebp
        .else
        lea     4(%ebp), %ebp
        .endif
        jmp     3b
4:
        .if \replaces
        mov     $6, %eax
        int     $0x80
unwait_after_last_i386:
        .endif
unwait_over_i386_\name:
        mov     (%ebp), %ecx                    # waiting for the surgeon, but not for ever
        jecxz   7f
        mov     $0x11111111, %ecx
early_rounds_\name:
        jmp     8f
7:      mov     $0x11111111, %ecx
rounds_\name:
8:      jecxz   9f
        lea     -1(%ecx), %ecx
        jmp     8b
unwait_leaving_i386_\name:
9:      mov     %esi, %eax
        mov     %edi, %ecx
        mov     $0x11111111, %ebx
ebx_\name:
        mov     $0x11111111, %edx
edx_\name:
        mov     $0x11111111, %esi
esi_\name:
        mov     $0x11111111, %edi
edi_\name:
        mov     $0x11111111, %ebp
ebp_\name:
        jecxz   5f
        mov     $0x11111111, %ecx
ecx_again_\name:
        .byte   0xe9                            # jmp to the thread's instruction pointer less 2
        .long   0
again_\name:
5:      mov     $0x11111111, %ecx
ecx_\name:
        .byte   0xe9                            # jmp to the thread's instruction pointer
        .long   0
resume_\name:
        .balign 4, 0
unwait_blob_i386_\name\()_end:                  # {u32 fd + 1[, u32 dup3 flags]} follow
        .code64
unwait_patches_i386_\name:                      # where each four-byte value ends
        .set    start_\name, unwait_blob_i386_\name
        .long   table_\name - start_\name, unmark_\name - start_\name
        .long   unmark_again_\name - start_\name
        .long   ebx_\name - start_\name, edx_\name - start_\name
        .long   esi_\name - start_\name, edi_\name - start_\name, ebp_\name - start_\name
        .long   ecx_again_\name - start_\name, ecx_\name - start_\name
        .long   again_\name - start_\name, resume_\name - start_\name
        .long   rounds_\name - start_\name, early_rounds_\name - start_\name
        .if \replaces
        .long   adopted_\name - start_\name
        .endif
        .endm

        .section .rodata
        blob    close, 0
        blob    replace, 1
        .section .note.GNU-stack, "", @progbits
