// SPDX-License-Identifier: MIT
// One round as six functions: {user mode, system call} × {SSE, AVX, AVX-512} registers. While the
// body runs no register holds anything but a known value; only the words at and above the stack
// pointer (the frame's address, a scratch word, the caller's mxcsr) are ours.
.macro victim_round name, width, body
    .globl \name
    .hidden \name
    .type \name, @function
\name:
    endbr64
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    sub $24, %rsp
    stmxcsr 16(%rsp)
    mov %rdi, (%rsp)
    mov %rdi, %rax
  .if \width == 512
    .irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    vmovdqu64 256+64*\n(%rax), %zmm\n
    .endr
    .irp n,0,1,2,3,4,5,6,7
    kmovq 4352+8*\n(%rax), %k\n
    .endr
  .elseif \width == 256
    .irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    vmovdqu 256+64*\n(%rax), %ymm\n
    .endr
  .else
    .irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    movdqu 256+64*\n(%rax), %xmm\n
    .endr
  .endif
    fldl 4736(%rax)
    ldmxcsr 4752(%rax)
    pushq 120(%rax)
    popfq
    .irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    mov 4480+8*\n(%rax), %rcx
    mov %rcx, -8-8*\n(%rsp)
    .endr
    mov 8(%rax), %rbx
    mov 16(%rax), %rcx
    mov 24(%rax), %rdx
    mov 32(%rax), %rsi
    mov 40(%rax), %rdi
    mov 48(%rax), %rbp
    mov 56(%rax), %r8
    mov 64(%rax), %r9
    mov 72(%rax), %r10
    mov 80(%rax), %r11
    mov 88(%rax), %r12
    mov 96(%rax), %r13
    mov 104(%rax), %r14
    mov 112(%rax), %r15
    mov 0(%rax), %rax
  .ifc \body,call
    syscall
    .globl \name\()_after
    .hidden \name\()_after
\name\()_after:
  .else
    .rept 128
    pause
    .endr
  .endif
    mov %rax, 8(%rsp)
    mov (%rsp), %rax
    mov %rbx, 136(%rax)
    mov %rcx, 144(%rax)
    mov %rdx, 152(%rax)
    mov %rsi, 160(%rax)
    mov %rdi, 168(%rax)
    mov %rbp, 176(%rax)
    mov %r8, 184(%rax)
    mov %r9, 192(%rax)
    mov %r10, 200(%rax)
    mov %r11, 208(%rax)
    mov %r12, 216(%rax)
    mov %r13, 224(%rax)
    mov %r14, 232(%rax)
    mov %r15, 240(%rax)
    mov 8(%rsp), %rcx
    mov %rcx, 128(%rax)
    .irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    mov -8-8*\n(%rsp), %rcx
    mov %rcx, 4608+8*\n(%rax)
    .endr
    pushfq
    popq 248(%rax)
    cld
  .if \width == 512
    .irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    vmovdqu64 %zmm\n, 2304+64*\n(%rax)
    .endr
    .irp n,0,1,2,3,4,5,6,7
    kmovq %k\n, 4416+8*\n(%rax)
    .endr
    vzeroupper
  .elseif \width == 256
    .irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    vmovdqu %ymm\n, 2304+64*\n(%rax)
    .endr
    vzeroupper
  .else
    .irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    movdqu %xmm\n, 2304+64*\n(%rax)
    .endr
  .endif
    fstpl 4744(%rax)
    stmxcsr 4760(%rax)
    ldmxcsr 16(%rsp)
    add $24, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret
    .size \name, . - \name
.endm

.text
victim_round victim_user_128, 128, pause
victim_round victim_user_256, 256, pause
victim_round victim_user_512, 512, pause
victim_round victim_call_128, 128, call
victim_round victim_call_256, 256, call
victim_round victim_call_512, 512, call
.section .note.GNU-stack, "", %progbits
